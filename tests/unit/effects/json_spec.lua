local api = require "tests.support.api"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local json = api "json"

describe("o2x.json", function()
  it("reads what it wrote", function()
    local text = json.encode { b = 1, a = json.array {}, n = json.null }
    assert.equal('{"a":[],"b":1,"n":null}', text)
    assert.is_true(json.is_array(json.decode(text).a))
    assert.equal(json.null, json.decode(text).n)
  end)

  it("writes what a plan does not know yet as such", function()
    local text = json.encode { a = { value.unknown }, b = 1 }
    assert.is_true(value.is_unknown(text))
    assert.equal("(known after apply)", tostring(text))
    local again = json.decode(text)
    assert.equal(1, again.b)
    assert.is_true(value.is_unknown(again.a[1]))
    assert.matches("known after apply", json.pretty { a = value.unknown })
  end)

  it("writes no secret", function()
    for _, write in ipairs { json.encode, json.pretty } do
      local ok, err = pcall(write, { secret.new("sesame-sesame", "s") })
      assert.is_false(ok)
      assert.equal("refused", err.kind)
    end
  end)

  it("says where a text is none", function()
    local ok, err = pcall(json.decode, "{", "note.json")
    assert.is_false(ok)
    assert.matches("note.json", tostring(err))
  end)
end)
