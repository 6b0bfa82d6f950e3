-- A replay, shown step by step, had the effects of the whole run at each attempt, as if a write that came later had
-- been done before it failed; and it said nothing of a step that was done by hand.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a replay, shown step by step", function()
  it("has the effects of each attempt, and who skipped a step, and why", function()
    local toy <close> = toys.new()
    toy:runbook(
      "three",
      [[
      step("One", toy.ensure, "one", { n = 1 })
      step("Two", toy.ensure, "two", { n = 2 })
      step("Three", toy.ensure, "three", { n = 3 })]]
    )
    toy:fault("two", "failed")
    assert.equal(1, toy:o2x({ "run", "three", "alpha" }).code)
    fs.write(toy.system .. "/two", json.encode { n = 2 })
    toy:fault("three", "failed")
    assert.equal(1, toy:o2x({ "resume", "--skip=Two", "--reason=with an editor" }).code)
    ok(toy:o2x { "resume" })
    local id = toy:o2x({ "runs", "--json" }).stdout:match '"(R%-[%w-]+)"'
    ok(toy:o2x { "capsule", id, "--out=" .. toy.dir .. "/a.capsule" })
    local text = ok(toy:o2x { "replay", toy.dir .. "/a.capsule", "--step-by-step" }).stdout
    local first, second, third = text:match "(attempt 1\n.*)(attempt 2, resumed\n.*)(attempt 3, resumed\n.*)"
    assert.truthy(first:find("+ toy.value one", 1, true), first)
    assert.is_nil(first:find("= toy.value two", 1, true), first)
    assert.truthy(second:find("▸ Two: skipped by [^\n]*: with an editor\n"), second)
    assert.truthy(second:find("= toy.value two", 1, true), second)
    assert.is_nil(second:find("+ toy.value three", 1, true), second)
    assert.truthy(third:find("+ toy.value three", 1, true), third)
    assert.is_nil(third:find("toy.value one", 1, true), third)
  end)
end)
