local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

describe("a secret", function()
  local key = secret.new("sesame-sesame", "door.key")

  it("shows its name, not its text", function()
    assert.matches("door.key", tostring(key))
    assert.is_nil(tostring(key):find("sesame", 1, true))
  end)

  it("is told from a text", function()
    assert.is_true(secret.is(key))
    assert.is_false(secret.is "sesame-sesame")
  end)

  it("cannot be encoded", function() assert.is_false((pcall(json.encode, { key = key }))) end)

  it("has the fingerprint of its text", function()
    assert.equal(key:fingerprint(), secret.new("sesame-sesame", "other"):fingerprint())
    assert.not_equal(key:fingerprint(), secret.new("sesame-sesamf", "door.key"):fingerprint())
  end)
end)

describe("secret.scrub", function()
  it("takes the text of every secret out of what is printed", function()
    local _ = secret.new("open-sesame-open", "cave.key")
    local shown = secret.scrub "the word is open-sesame-open."
    assert.is_nil(shown:find("open-sesame-open", 1, true))
    assert.matches("^the word is ", shown)
  end)
end)
