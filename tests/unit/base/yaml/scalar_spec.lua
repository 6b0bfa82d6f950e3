local scalar = require "o2x.base.yaml.scalar"

local function means(text, value, kind)
  local found, of_kind = scalar.resolve(text)
  assert.equal(value, found, text)
  assert.equal(kind, of_kind, text)
end

describe("scalar.resolve", function()
  it("reads the words of YAML 1.1 as booleans", function()
    means("yes", true, "bool")
    means("Off", false, "bool")
    means("oFF", "oFF", "string")
  end)

  it("reads null and the empty text as null", function()
    means("~", nil, "null")
    means("", nil, "null")
  end)

  it("reads integers of each base, and with underscores", function()
    means("0777", 511, "int")
    means("0x1F", 31, "int")
    means("0b101", 5, "int")
    means("1_000", 1000, "int")
    means("-12", -12, "int")
  end)

  it("keeps integers of 64 bits and tells those beyond", function()
    means("9223372036854775807", math.maxinteger, "int")
    means("-9223372036854775808", math.mininteger, "int")
  end)

  it("reads integers beyond 64 bits as Helm does", function()
    means("9223372036854775808", 2.0 ^ 63, "range")
    means("-9223372036854775809", -2.0 ^ 63, "range")
    means("1" .. ("0"):rep(20), 1e20, "range")
    means("0x8000000000000000", 2.0 ^ 63, "range")
    means("0xFFFFFFFFFFFFFFFF", 2.0 ^ 64, "range")
    means("01777777777777777777777", 2.0 ^ 64, "range")
    means("02000000000000000000000", 2e21, "range")
    means("0x10000000000000000", "0x10000000000000000", "range")
    means("-0x8000000000000001", "-0x8000000000000001", "range")
    means("0b1" .. ("0"):rep(63), 2.0 ^ 63, "range")
    means("1" .. ("0"):rep(400), "1" .. ("0"):rep(400), "range")
  end)

  it("reads floats", function()
    means("1.5", 1.5, "float")
    means(".5", 0.5, "float")
    means("1e3", 1000.0, "float")
    means("-.inf", -math.huge, "float")
  end)

  it("leaves everything else a string", function()
    for _, text in ipairs { "1.2.3", "2026-02-14", "12:30", "2Gi", "-", "." } do
      means(text, text, "string")
    end
  end)
end)

describe("scalar.ambiguous", function()
  it("is what some parser reads as another type", function()
    for _, text in ipairs { "yes", "12", "2026-02-14", "12:30", "<<", "=", "" } do
      assert.is_true(scalar.ambiguous(text), text)
    end
  end)

  it("is no ordinary word", function()
    for _, text in ipairs { "hello", "v1.2.3", "a:b", "2Gi" } do
      assert.is_false(scalar.ambiguous(text), text)
    end
  end)
end)

describe("scalar.WORDS", function()
  it("has no word that is longer than those that are looked for", function()
    for word in pairs(scalar.WORDS) do
      assert.is_true(#word <= 8, word)
    end
  end)
end)
