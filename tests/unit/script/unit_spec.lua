local task = require "o2x.base.task"
local unit = require "o2x.script.unit"

describe("a unit of a script", function()
  local function run_watched()
    local seen, run = {}, {}
    function run.watch(name, perform, ...)
      seen[#seen + 1] = name
      return perform(...)
    end
    return run, seen
  end

  local function add(a, b) return a + b end

  it("is done as it is where nobody watches", function() assert.equal(3, unit.perform({}, "Make", add, 1, 2)) end)

  it("is shown to the watcher, who does it", function()
    local run, seen = run_watched()
    assert.equal(3, unit.perform(run, "Make", add, 1, 2))
    assert.same({ "Make" }, seen)
  end)

  it("may be what is done at the same time, by its number", function()
    local run, seen = run_watched()
    assert.equal(3, unit.parallel(run, add, 1, 2))
    assert.equal(5, unit.parallel(run, add, 2, 3))
    assert.same({ 1, 2 }, seen)
  end)

  it("is not what a step, or another parallel, does at the same time", function()
    local run, seen = run_watched()
    task.within("step_path", "Make", unit.parallel, run, add, 1, 2)
    task.within("parallel_depth", 1, unit.parallel, run, add, 1, 2)
    assert.same({}, seen)
  end)

  it("is an outermost one outside of steps and parallels", function()
    assert.is_true(unit.is_outermost(1))
    assert.is_true(unit.is_outermost "Make")
    assert.is_false(unit.is_outermost "House/Make")
    assert.is_false(task.within("parallel_depth", 1, unit.is_outermost, "Make"))
  end)
end)
