local errors = require "o2x.base.error"
local memory_gate = require "tests.support.memory_gate"

-- A gate whose type "marked" can write several at once.
local function new(options)
  local g = memory_gate.new(options or { system = { a = 1 } })
  local type = g.gate:type_of "marked"
  function type.write_all(ctx, items)
    g.at_once = (g.at_once or 0) + 1
    if g.refuses then errors.raise { kind = "failed", message = "not together" } end
    local after = {}
    for i, item in ipairs(items) do
      local _, left = type.write(ctx, item.target, item.desired, item.before, item.id)
      after[i] = left
    end
    return after
  end
  function g.want(...)
    local items = {}
    for i, pair in ipairs { ... } do
      items[i] = { target = pair[1], desired = pair[2] }
    end
    local outcomes = {}
    for i, result in ipairs(g.gate:effects("marked", items)) do
      outcomes[i] = result[2]
    end
    return outcomes
  end
  return g
end

describe("effects together", function()
  it("are compared, intended, written and recorded in order", function()
    local g = new()
    assert.same({ "unchanged", "created", "created" }, g.want({ "a", 1 }, { "b", 2 }, { "c", 3 }))
    assert.same({
      "same marked a",
      "intent marked b nil → 2",
      "intent marked c nil → 3",
      "write b",
      "write c",
      "result created 2",
      "result created 3",
    }, g.trace)
    assert.equal(1, g.at_once)
  end)

  it("are written one by one where they cannot be written together", function()
    local g = new()
    g.refuses = true
    assert.same({ "created", "created" }, g.want({ "b", 2 }, { "c", 3 }))
    assert.same({ b = 1, c = 1 }, g.attempts)
    assert.same({ a = 1, b = 2, c = 3 }, g.system)
  end)

  it("stop at the one that fails; those after it are settled as not done", function()
    local g = new()
    g.refuses = true
    g:fail("c", { kind = "failed" })
    assert.is_false((pcall(g.want, { "b", 2 }, { "c", 3 }, { "d", 4 })))
    assert.same({ a = 1, b = 2 }, g.system)
  end)

  it("go one by one where one alone is wanted, two are of one target, or the type knows no other way", function()
    local g = new()
    g.want { "b", 2 }
    g.want({ "c", 3 }, { "c", 4 })
    assert.is_nil(g.at_once)
    assert.equal(4, g.system.c)
    local results = g.gate:effects("thing", { { target = "x", desired = 1 }, { target = "y", desired = 2 } })
    assert.same({ { 1, "created" }, { 2, "created" } }, results)
  end)

  it("are planned, and nothing is written", function()
    local g = new { system = { a = 1 }, mode = "plan" }
    assert.same({ "unchanged", "created" }, g.want({ "a", 1 }, { "b", 2 }))
    assert.same({ a = 1 }, g.system)
  end)

  it("are not admitted when one of them is not: nothing is written", function()
    local g = new()
    g.run.declared = {}
    assert.is_false((pcall(g.want, { "b", 2 }, { "c", 3 })))
    assert.same({ a = 1 }, g.system)
    assert.same({}, g.trace)
  end)

  for _, record in ipairs { "intent", "result" } do
    it(("are resumed one by one after a crash behind the first %s"):format(record), function()
      local g = new { system = {} }
      g:crash_after(record)
      assert.is_false((pcall(g.want, { "b", 2 }, { "c", 3 })))
      local again = g:resumed()
      for _, pair in ipairs { { "b", 2 }, { "c", 3 } } do
        again.gate:effect("marked", pair[1], pair[2])
      end
      assert.same({ b = 2, c = 3 }, again.system)
      local all = (g.attempts.b or 0) + (again.attempts.b or 0)
      assert.equal(1, all)
    end)
  end
end)
