-- A plan that could not be written named a file that nobody had asked for: the one it is made in before it is renamed.

local toys = require "tests.support.toy"

describe("a plan that cannot be written", function()
  it("names the file that was asked for", function()
    local toy <close> = toys.new()
    local result = toy:o2x { "plan", "build", "alpha", "--out=/proc/build.plan" }
    assert.are_not.equal(0, result.code)
    assert.truthy(result.stderr:find("/proc/build.plan", 1, true), result.stderr)
    assert.is_nil(result.stderr:find "build%.plan%.%d", result.stderr)
    assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
  end)
end)
