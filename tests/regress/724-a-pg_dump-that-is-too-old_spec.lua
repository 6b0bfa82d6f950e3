-- An old pg_dump was found in the step that writes, after a server had been made of the snapshot; where a newer one is
-- installed beside it, that was not tried.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

describe("a pg_dump on PATH that is older than the server", function()
  local lab, folder, env
  setup(function()
    lab = labs.start()
    folder = fs.temp_folder "/tmp/o2x-old-"
    fs.write(fs.join(folder, "pg_dump"), '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\nexit 0\n', {
      mode = tonumber("755", 8),
    })
    env = { PATH = folder .. ":" .. os.getenv "PATH" }
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  it("is passed over for the one that is installed beside it", function()
    local path = fs.join(folder, "urbanos.dump")
    local backup = lab:o2x({ "run", "backup", "urbanos", "to=" .. path }, { env = env })
    assert.equal(0, backup.code, backup.stderr)
    assert.matches("Dumped from database version: 15", lab:out("pg_restore", "-l", path))
  end)
end)
