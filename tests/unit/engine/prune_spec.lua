-- Which runs can go: never one that somebody may go on with, nor half of an undo.

local clock = require "o2x.base.clock"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local prune = require "o2x.engine.prune"
local store = require "o2x.engine.store"

local DAY <const> = 86400

describe("runs", function()
  local folder, runs, now
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-prune-"
    runs, now = store.open(folder), clock.now()
  end)
  after_each(function() fs.remove_tree(folder) end)

  local INTENT <const> = { t = "intent", path = "s", kind = "thing", key = "a", effect = "e", slot = "s", desired = 1 }

  local function begin(tenant, days, status, fields)
    local id, _reserved <close> = runs:new_id()
    local header = { tenant = tenant, runbook = { name = "build" .. id, version = "1.0.0" }, params = {} }
    header.at = clock.iso(now - days * DAY, 3)
    for name, value in pairs(fields or {}) do
      header[name] = value
    end
    local _, journal = runs:create(id, header, {})
    journal:append(INTENT)
    if status then journal:append { t = "end", status = status } end
    journal:close()
    return id
  end

  local function chosen(keep)
    local ids = {}
    local list, kept = prune.choose(runs, keep, now)
    for i, run in ipairs(list) do
      ids[i] = run.id
      assert.is_true(run.bytes > 0)
    end
    return ids, kept
  end

  local function undo_of(id, step) return { runbook = { name = "undo" }, undo = { run = id, step = step } } end

  it("that are old go, as far as neither days nor number keeps them", function()
    local a, b, c = begin("acme", 9, "done"), begin("acme", 5, "done"), begin("acme", 1, "refused")
    local d = begin("beta", 9, "done")
    assert.same({ a, b, d }, (chosen { days = 3 }))
    assert.same({ a, b }, (chosen { last = 1 }))
    assert.same({ a }, (chosen { days = 7, last = 1 }))
    assert.same({ a, b, c, d }, (chosen { last = 0 }))
    assert.same({ d }, (chosen { last = 0, tenant = "beta" }))
    assert.same({ ["asked for"] = 2 }, select(2, chosen { last = 1 }))
  end)

  it("that are unfinished, damaged or running stay", function()
    local failed, crashed = begin("acme", 9, "failed"), begin("acme", 9)
    local damaged = begin("acme", 9, "done")
    fs.write(runs:journal_of(damaged), "x")
    local ids, kept = chosen { last = 0 }
    assert.same({ {}, { unfinished = 2, damaged = 1 } }, { ids, kept })
    assert.is_true(failed < crashed)
    local running = runs:reopen(crashed)
    assert.is_false(pcall(prune.remove, runs, crashed))
    running.journal:close()
  end)

  it("stay with the undo that took them back, and undos with them", function()
    local a = begin("acme", 9, "done")
    local undo = begin("acme", 1, "done", undo_of(a))
    assert.same({}, (chosen { days = 3 }))
    assert.same({ a, undo }, (chosen { last = 0 }))
    local b = begin("acme", 9, "done")
    begin("acme", 9, "failed", undo_of(b, "s")) -- which somebody has to go on with
    assert.same({ a, undo }, (chosen { last = 0 }))
    local redo = begin("acme", 1, "done", undo_of(undo))
    assert.same({ a, undo, redo }, (chosen { last = 0 }))
    assert.same({}, (chosen { days = 3 }))
  end)

  it("are removed whole; what a kill left goes with the next removal", function()
    local a, b = begin("acme", 9, "done"), begin("acme", 9, "done")
    prune.remove(runs, a)
    assert.same({ b }, runs:ids())
    fs.rename(runs:folder_of(b), folder .. "/.gone-" .. b)
    assert.same({}, runs:list())
    -- One was killed before it began, long ago; another begins now.
    ok(proc.run { argv = { "sh", "-ec", "mkdir .new-a .new-b; touch -d @1 .new-a" }, cwd = folder })
    prune.finish(runs)
    assert.same({ ".new-b", "key" }, fs.list(folder))
  end)

  it("of a fleet take its request with them, the last one", function()
    local id = "F-20260101-000000-0000"
    local a, b = begin("acme", 9, "done", { fleet = id }), begin("beta", 9, "done", { fleet = id })
    local file = folder .. "/fleets/" .. id .. ".json"
    fs.write(file, "{}", { parents = true })
    prune.remove(runs, a)
    prune.forget_fleets(runs, { { id = a, fleet = id } })
    assert.is_true(fs.exists(file))
    prune.remove(runs, b)
    prune.forget_fleets(runs, { { id = b, fleet = id } })
    assert.is_false(fs.exists(file))
  end)
end)
