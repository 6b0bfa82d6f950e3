-- Records that several tasks append at the same time: they share a sync, and none goes on before its own is on the
-- disk. What is on the disk is seen by letting a sync fail: the journal then takes back what may not be there.

local build = require "tests.support.build"
local defer = require "o2x.base.defer"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

-- Prints the records whose append returned. Tasks append while others sleep, so that syncs run in a thread, too.
local WRITERS <const> = [[
  local journal = require "o2x.engine.journal"
  local json = require "o2x.base.json"
  local task = require "o2x.base.task"
  local path, tasks, each, pause = arg[2], tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
  local run = journal.create(path, { tenant = "alpha" })
  local list, acknowledged = {}, {}
  for i = 1, tasks do list[i] = i end
  task.each(list, function(i)
    for n = 1, each do
      local name = i .. "/" .. n
      if pause >= 0 then task.sleep(pause * (i % 3)) end
      if not pcall(run.append, run, { t = "intent", key = name }) then return end
      acknowledged[#acknowledged + 1] = name
    end
  end)
  run:close()
  io.write(json.encode(json.array(acknowledged)))
]]

describe("records appended at the same time", function()
  local folder, path
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-durable-"
    path = folder .. "/journal"
    fs.write(folder .. "/writers.lua", WRITERS)
  end)
  after_each(function() fs.remove_tree(folder) end)
  teardown(faults.forget)

  -- -> the set of acknowledged records, the set of those in the file, did the fault strike?
  local function write(tasks, each, pause, failing)
    local env, struck = faults.env("fsync", failing, "EIO", true)
    local argv = { build.dev, folder .. "/writers.lua", path, tostring(tasks), tostring(each), tostring(pause) }
    local result = proc.run { argv = argv, env = env, timeout = 60 }
    assert.equal(0, result.code, result.stderr)
    local acknowledged, found = {}, {}
    for _, name in ipairs(json.decode(result.stdout)) do
      acknowledged[name] = true
    end
    for _, record in ipairs(journal.read(path)) do
      if record.key then found[record.key] = true end
    end
    return acknowledged, found, struck()
  end

  if not build.sanitized then
    for _, case in ipairs { { 1, 6, -1 }, { 40, 1, -1 }, { 8, 5, -1 }, { 8, 5, 0.001 }, { 30, 3, 0.0005 } } do
      local tasks, each, pause = table.unpack(case)
      it(("%d tasks, %d each, pause %g: who goes on is on the disk"):format(tasks, each, pause), function()
        local failing = 2 -- the first one is that of the journal's beginning
        local acknowledged, found, hit
        repeat
          acknowledged, found, hit = write(tasks, each, pause, failing)
          assert.same(found, acknowledged)
          fs.remove(path)
          failing = failing + 1
        until not hit
        assert.is_true(failing > 3)
      end)
    end

    it("share a sync: a hundred need one", function()
      local acknowledged, _, struck = write(100, 1, -1, 3)
      assert.is_false(struck)
      assert.is_true(acknowledged["100/1"])
    end)
  end

  it("are durable where a task cannot wait, and while others wait", function()
    local run = journal.create(path, { tenant = "alpha" })
    local _close <close> = defer(function() run:close() end)
    task.parallel {
      a = function() run:append { t = "intent", key = "a" } end,
      b = function()
        table.sort({ 2, 1 }, function(x, y)
          run:append { t = "intent", key = "b" }
          return x < y
        end)
      end,
      c = function() task.sleep(0.01) end,
    }
    local records = journal.read(path)
    assert.equal("intent", records[#records].t)
    assert.is_true(#records >= 3)
  end)

  it("are recorded though their task was cancelled meanwhile", function()
    local run = journal.create(path, { tenant = "alpha" })
    local ended
    local sleeper = task.spawn(task.sleep, 0.05)
    local writer = task.spawn(function()
      run:append { t = "result", key = "a" }
      ended = true
    end)
    task.sleep(0)
    writer:cancel()
    writer:wait(nil, true)
    sleeper:join()
    run:close()
    assert.is_true(ended)
    assert.equal("a", journal.read(path)[2].key)
  end)

  it("fail together when the file went away, and lazy ones before them are no excuse", function()
    local run = journal.create(path, { tenant = "alpha" })
    run:append({ t = "step", path = "a" }, true)
    fs.remove(path)
    local codes = task.each({ 1, 2, 3 }, function(i)
      local ok, err = pcall(run.append, run, { t = "intent", key = tostring(i) })
      return ok or err.code
    end)
    assert.same({ "lost", "lost", "lost" }, codes)
    run:close()
  end)
end)
