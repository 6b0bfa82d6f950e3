local api = require "tests.support.api"
local secret = require "o2x.base.secret"

local lib = api "secret"

describe("o2x.secret", function()
  local key = secret.new("sesame-sesame", "door")

  it("tells a secret from a text", function()
    assert.is_true(lib.is(key))
    assert.is_false(lib.is "sesame-sesame")
  end)

  it("compares without showing", function()
    assert.is_true(lib.equal(key, "sesame-sesame"))
    assert.is_true(lib.equal(key, secret.new("sesame-sesame", "other")))
    assert.is_false(lib.equal(key, "sesame-sesamf"))
  end)

  it("makes none, and opens none", function()
    local names = {}
    for name in pairs(lib) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "equal", "is" }, names)
  end)
end)
