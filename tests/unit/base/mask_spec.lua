local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local WORD = "open-sesame-1234567"

describe("masking", function()
  local word, number
  setup(function()
    word, number = secret.new(WORD, "cave/word"), secret.new("7654321", "cave/number")
  end)
  teardown(function()
    secret.wipe(word)
    secret.wipe(number)
  end)

  it("shows a value to people without its secrets", function()
    assert.same(
      { text = "it is ******", list = { "******", 7 }, ["******"] = "a", ["key ******"] = true, n = "******" },
      mask.value { text = "it is " .. WORD, list = { WORD, 7 }, [WORD] = "a", ["key " .. WORD] = true, n = 7654321 }
    )
    assert.equal("******", mask.text(WORD))
  end)

  it("keeps two keys apart that look the same", function()
    local other <close> = setmetatable(
      { secret.new("another-word", "x") },
      { __close = function(t) secret.wipe(t[1]) end }
    )
    assert.is_true(secret.is(other[1]))
    local shown = mask.value { [WORD] = 1, ["another-word"] = 2 }
    assert.same({ ["******"] = 2, ["*******#2"] = nil, ["******#2"] = 1 }, shown)
  end)

  -- what is recorded → what it is equal to, and what it is not
  local VALUES = {
    { "a text", "it is " .. WORD, "it is " },
    { "a number", 7654321, 7654322 },
    { "a list", { "a", WORD }, { "a", "b" } },
    { "a map", { a = { b = WORD }, c = 1 }, { a = { b = "x" }, c = 1 } },
    { "a key", { [WORD] = 1 }, { other = 1 } },
    { "a key of a part", { a = 1, b = { ["x" .. WORD] = { 1, 2 } } }, { a = 1, b = { x = { 1, 2 } } } },
    { "an encoded text", "user:" .. json.encode { WORD }, "user:" },
  }
  for _, case in ipairs(VALUES) do
    it("records " .. case[1] .. " as a reference that can be compared", function()
      local recorded, masked = mask.record(case[2])
      local line = json.encode(json.array { recorded })
      assert.is_true(masked)
      assert.is_nil(line:find(WORD, 1, true))
      assert.is_nil(line:find("7654321", 1, true))
      local read = json.decode(line)[1]
      assert.is_true(value.has_reference(read))
      assert.is_true(value.equal(case[2], read))
      assert.is_true(value.equal(read, case[2]))
      assert.is_true(value.equal(read, json.decode(line)[1]))
      assert.is_false(value.equal(case[3], read))
    end)
  end

  it("leaves alone what has no secret in it", function()
    for _, plain in ipairs { "open", 12, true, json.null, { a = { 1, "x" } }, json.array {} } do
      local recorded, masked = mask.record(plain)
      assert.is_false(masked)
      assert.same(json.encode(json.array { plain }), json.encode(json.array { recorded }))
      assert.same(json.encode(json.array { plain }), json.encode(json.array { mask.value(plain) }))
    end
  end)

  it("keeps the reference of a secret, but not a secret in its label", function()
    local recorded, masked = mask.record { ["$secret"] = "db/" .. WORD, fp = "0011223344556677" }
    assert.same({ ["$secret"] = "db/******", fp = "0011223344556677" }, recorded)
    assert.is_false(masked)
  end)

  it("shows a masked name", function()
    assert.equal("Tell ******", mask.shown((mask.record("Tell " .. WORD))))
    assert.equal("Tell", mask.shown "Tell")
  end)
end)
