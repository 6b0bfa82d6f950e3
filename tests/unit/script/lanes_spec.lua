local lanes = require "o2x.script.lanes"
local task = require "o2x.base.task"

describe("the lane of a task", function()
  it("is empty outside of any parallel", function() assert.equal("", lanes.here()) end)

  it("names the branch, the step, and which parallel of the step it is", function()
    local run = {}
    local function here() return lanes.here() end
    task.within("step_path", "Deploy", function()
      assert.same({ a = "Deploy#1.a", b = "Deploy#1.b" }, task.parallel(lanes.of(run, { a = here, b = here })))
      assert.same({ "Deploy#2.1", "Deploy#2.2" }, task.each({ "x", "y" }, lanes.each(run, here)))
    end)
    assert.equal("", lanes.here())
  end)

  it("has the lanes around it in its name", function()
    local run, found = {}, nil
    task.parallel(lanes.of(run, {
      outer = function()
        task.within("step_path", "Check", function()
          task.parallel(lanes.of(run, { inner = function() found = lanes.here() end }))
        end)
      end,
    }))
    assert.equal("#1.outer/Check#1.inner", found)
  end)

  it("gives the function of each its item and its number", function()
    local seen = {}
    task.each({ "x", "y" }, lanes.each({}, function(item, index) seen[index] = item end))
    assert.same({ "x", "y" }, seen)
  end)
end)
