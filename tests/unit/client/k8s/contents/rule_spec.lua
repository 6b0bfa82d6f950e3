local json = require "o2x.base.json"
local rule = require "o2x.client.k8s.contents.rule"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

-- The problems that a rule finds, as "path why".
local function found(one, item)
  local lines, check = {}, {}
  function check.refuse(_, path, why) lines[#lines + 1] = path .. " " .. why end
  function check.miss(_, path) lines[#lines + 1] = path .. " missing" end
  one(check, "", item)
  return lines
end

describe("rules", function()
  local known = rule.map({ a = rule.plain, b = rule.list(rule.map { name = rule.plain }) }, { "a" })

  it("name the field that no rule names", function()
    assert.same({}, found(known, { a = 1, b = { { name = "x" } } }))
    assert.same({ "c is not among the fields that a run may write" }, found(known, { a = 1, c = 1 }))
    assert.same({ "[x.y/z] is not among the fields that a run may write" }, found(known, { a = 1, ["x.y/z"] = 1 }))
    assert.same({ "b[0].c is not among the fields that a run may write" }, found(known, { a = 1, b = { { c = 1 } } }))
    assert.same(
      { "b[n].c is not among the fields that a run may write" },
      found(known, { a = 1, b = { { name = "n", c = 1 } } })
    )
  end)

  it("take null for a missing field", function()
    assert.same({}, found(known, { a = 1, c = json.null, b = json.null }))
    assert.same({ "a missing" }, found(known, { a = json.null }))
    assert.same({ "a missing" }, found(known, {}))
  end)

  it("wait for what a plan does not know yet", function()
    assert.same({}, found(known, { a = value.unknown, b = value.unknown }))
    assert.same({}, found(rule.map { a = rule.one_of(false) }, { a = value.unknown }))
  end)

  it("tell maps from lists", function()
    assert.same({ " is not a map" }, found(known, { 1 }))
    assert.same({ " is not a map" }, found(known, { 1, a = 2 }))
    assert.same({ " is not a map" }, found(known, json.array {}))
    assert.same({ " is not a map" }, found(known, "x"))
    local list = rule.list(rule.plain)
    assert.same({}, found(list, {}))
    assert.same({}, found(list, { "a", 1, true }))
    assert.same({ " is not a list" }, found(list, { a = 1 }))
    assert.same({ " is not a list" }, found(list, { [1] = "a", [3] = "b" }))
    assert.same({ " is not a list" }, found(list, { [1.5] = "a" }))
    assert.same({ " is not a list" }, found(list, "x"))
    assert.same({ "[1] is not a plain value" }, found(list, { "a", {} }))
  end)

  it("see what is encoded, not what a metatable answers", function()
    local liar = setmetatable({}, { __index = function() return 1 end, __len = function() return 3 end })
    assert.same({ "a missing" }, found(known, liar))
    assert.same({}, found(rule.list(rule.map {}), liar))
    local hidden = setmetatable({ c = 1, a = 1 }, {
      __pairs = function()
        return function() end
      end,
    })
    assert.same({ "c is not among the fields that a run may write" }, found(known, hidden))
  end)

  it("compare values exactly", function()
    local no = rule.one_of(false)
    assert.same({}, found(no, false))
    for _, item in ipairs { true, "false", 0, "" } do
      assert.same({ " may only be false" }, found(no, item))
    end
    assert.same({ " may only be a or b" }, found(rule.one_of("a", "b"), "A"))
    assert.same({ " may only be a" }, found(rule.one_of "a", { "a" }))
  end)

  it("let a secret stand where a text does", function()
    local hidden = secret.new("hunter22", "s")
    assert.same({}, found(rule.plain, hidden))
    assert.same({ " is not a plain value" }, found(rule.plain, {}))
    assert.same({ " is not a plain value" }, found(rule.plain, print))
  end)
end)
