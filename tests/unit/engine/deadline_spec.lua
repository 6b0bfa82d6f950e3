local deadline = require "o2x.engine.deadline"
local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"
local task = require "o2x.base.task"

local SELF <const> = debug.getinfo(1, "S").source

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("the longest time of a run", function()
  local run = { sandbox = { sources = { [SELF] = true } } }
  before_each(function() limits.use { run = 1 } end)
  after_each(function() limits.use() end)

  it("lets a run through that is faster", function()
    assert.equal(run, deadline.perform(run, function(given) return given end))
    assert.equal(
      "no",
      raised(deadline.perform, run, function() errors.raise { kind = "failed", message = "no" } end).message
    )
  end)

  it("ends it with the step and the line where it was", function()
    local line
    local err = raised(deadline.perform, run, function()
      task.within("step_path", "A/B", function()
        line = debug.getinfo(1, "l").currentline + 1
        task.sleep(60)
      end)
    end)
    assert.equal("timeout", err.kind)
    assert.equal("A/B", err.step)
    assert.equal(SELF:sub(2) .. ":" .. line, err.where)
    assert.matches("the run took longer than 1 s", err.message)
  end)

  it("ends what the run started, too", function()
    local alive = task.live()
    raised(deadline.perform, run, function()
      task.parallel { function() task.sleep(60) end, task.sleep }
    end)
    raised(deadline.perform, run, function() task.each({ 60, 60 }, task.sleep) end)
    assert.equal(alive, (task.live()))
  end)

  it("is cancelled with the task that it belongs to", function()
    local handle = task.spawn(deadline.perform, run, function() task.sleep(60) end)
    task.sleep(0)
    handle:cancel()
    assert.equal("cancelled", raised(handle.join, handle).kind)
  end)
end)
