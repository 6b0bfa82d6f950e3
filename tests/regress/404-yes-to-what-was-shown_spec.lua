-- With --step-by-step, what somebody changed while the question was open was overwritten by a yes to something else.

local fs = require "o2x.base.fs"
local terminal = require "tests.support.terminal"
local toys = require "tests.support.toy"

describe("a yes to what was shown", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:runbook("house", [[step("Make", toy.ensure, "a", 1) step("Paint", toy.ensure, "b", 2)]])
    fs.write(toy.system .. "/a", "5")
  end)
  after_each(function() toy:__close() end)

  -- Answers the first question after somebody has written a.
  local function run(now, answers)
    return terminal(toy, { "run", "house", "alpha", "--step-by-step" }, function()
      fs.write(toy.system .. "/a", now)
      return answers
    end)
  end

  local MOVED <const> = "something was changed while you were asked"

  for _, yes in ipairs { "y", "yes", "a", "all" } do
    it(("is no yes to something else: %s"):format(yes), function()
      local result = run("9", yes .. "\nq\n")
      assert.equal(130, result.code, result.stdout)
      assert.truthy(result.stdout:find(MOVED, 1, true), result.stdout)
      assert.same({ a = 9 }, toy:holds())
    end)
  end

  it("is asked for again", function()
    local result = run("9", "y\ny\ny\n")
    assert.equal(0, result.code, result.stdout)
    assert.same({ a = 1, b = 2 }, toy:holds())
  end)

  it("is enough where nothing is left to do", function()
    local result = run("1", "y\ny\n")
    assert.equal(0, result.code, result.stdout)
    assert.is_nil(result.stdout:find(MOVED, 1, true), result.stdout)
    assert.same({ a = 1, b = 2 }, toy:holds())
  end)

  it("is enough where nothing has changed", function()
    local result = run("5", "y\ny\n")
    assert.equal(0, result.code, result.stdout)
    assert.is_nil(result.stdout:find(MOVED, 1, true), result.stdout)
  end)
end)
