local asked = require "o2x.engine.asked"
local breaker = require "o2x.base.breaker"
local errors = require "o2x.base.error"

local function failing(kind)
  return function() errors.raise { kind = kind, module = "x", message = "no", retryable = false } end
end

local function code_of(...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  return err.code or err.kind
end

describe("which systems have answered", function()
  it("gives what a system answers", function()
    assert.equal(7, asked.new(true):reach("pg", {}, function() return 7 end))
  end)

  it("a plan asks no system again that has not answered at all; a run does", function()
    for planning, code in pairs { [true] = breaker.CODE, [false] = "unreachable" } do
      local one = asked.new(planning)
      assert.equal("unreachable", code_of(one.reach, one, "pg", {}, failing "unreachable"))
      assert.equal(code, code_of(one.reach, one, "pg", {}, failing "unreachable"))
      assert.equal(7, one:reach("vault", {}, function() return 7 end))
    end
  end)

  it("one that has answered is asked again", function()
    local one = asked.new(true)
    one:reach("pg", {}, function() end)
    assert.equal("unreachable", code_of(one.reach, one, "pg", {}, failing "unreachable"))
    assert.equal(7, one:reach("pg", {}, function() return 7 end))
  end)

  it("a plan tries for a shorter time, and always says the same", function()
    local options = asked.new(true):hurried { seconds = 60 }
    assert.equal(5, options.seconds)
    assert.is_true(options.terse)
    assert.equal(60, asked.new(false):hurried({ seconds = 60 }).seconds)
  end)

  it("the pauses of a plan are limited in all", function()
    local one = asked.new(true)
    one:hurried({}).on_retry(1, {}, 12)
    assert.equal(3, one:hurried({}).seconds)
    one:hurried({}).on_retry(1, {}, 12)
    assert.equal(0, one:hurried({}).seconds)
  end)
end)
