-- What a run did not do, or left at a price, was one line in its middle, or none: a maintenance without an
-- Alertmanager, and a restore that could not reach the server which it had made of a snapshot.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("the last lines", function()
  local lab, folder
  setup(function()
    lab = labs.start()
    folder = fs.temp_folder "/tmp/o2x-last-"
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  -- The last lines of a run, from the first that is one: a note, or the verdict.
  local function last(result) return result.stderr:match "\n(note: .*)$" or result.stderr end

  it("name a server that a restore could not reach, and what it costs", function()
    local script = '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/pg_dump --version\n'
      .. 'echo "pg_dump: error: connection to server failed: timeout expired" >&2\nexit 1\n'
    fs.write(fs.join(folder, "pg_dump"), script, { mode = tonumber("755", 8) })
    assert.equal(0, lab:o2x({ "run", "backup", "urbanos" }).code)
    local id =
      json.decode(lab:aws("rds", "describe-db-snapshots", "--output", "json")).DBSnapshots[1].DBSnapshotIdentifier
    local restore = { "run", "restore", "urbanos", "snapshot=" .. id, "--confirm=urbanos" }
    local result = lab:o2x(restore, { env = { PATH = folder .. ":" .. os.getenv "PATH" } })
    assert.equal(4, result.code, result.stderr)
    local server = result.stderr:match "the server (o2x%-restore%-[%w-]+) %(db%.[%w.]+%) is still there"
    assert.truthy(server, result.stderr)
    assert.matches("is paid for by the hour until it is deleted", last(result))
    local there = lab:aws("rds", "describe-db-instances", "--db-instance-identifier", server)
    assert.matches("available", there)
    local run = result.stderr:match "next: [^\n]*(R%-[%w-]+)"
    local undone = lab:o2x { "undo", run, "--confirm=urbanos" }
    assert.equal(0, undone.code, undone.stderr)
    assert.falsy(lab:aws("rds", "describe-db-instances", "--output", "json"):find(server, 1, true))
  end)

  it("say that alerts are not silenced where there is no Alertmanager", function()
    lab:out("kubectl", "-n", "monitoring", "delete", "service", "alertmanager-operated")
    local words = { "maintenance", "urbanos", "mode=on", "--confirm=urbanos" }
    local result = lab:o2x(words)
    assert.equal(0, result.code, result.stderr)
    assert.matches("^note: the alerts are not silenced: .*alertmanager%-operated", last(result))
    words[3] = "mode=off"
    table.insert(words, "--json")
    local off = json.decode(lab:o2x(words).stdout)
    assert.equal("done", off.status)
    assert.matches("the silence is not removed", off.notes[1])
  end)
end)
