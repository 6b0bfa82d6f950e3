local extract = require "o2x.base.extract"
local secret = require "o2x.base.secret"

local PATTERN <const> = 'key="([^"]*)"'

describe("extract.secrets", function()
  it("takes what the pattern captures out of a secret, and leaves the rest to read", function()
    local text, found = extract.secrets(secret.new('a key="first-key" b key="other-key" c', "x"), PATTERN, "the key")
    assert.equal('a key="‹1›" b key="‹2›" c', text)
    assert.equal(2, #found)
    assert.is_true(secret.equal(found[1], "first-key"))
    assert.is_true(secret.equal(found[2], "other-key"))
    assert.matches("the key", tostring(found[1]))
  end)

  it("masks what it took", function()
    extract.secrets('key="sesame-open-sesame"', PATTERN, "the key")
    assert.is_nil(secret.scrub("say sesame-open-sesame"):find("sesame", 1, true))
  end)

  it("leaves a text without a match, and an empty capture", function()
    for _, text in ipairs { "", "nothing", 'key=""' } do
      local rest, found = extract.secrets(text, PATTERN, "x")
      assert.equal(text, rest)
      assert.same({}, found)
    end
  end)

  it("wants one capture", function()
    for _, pattern in ipairs { "key", "(k)(e)", "()key" } do
      assert.is_false((pcall(extract.secrets, "key", pattern, "x")))
    end
  end)
end)

describe("extract.marked", function()
  it("gives the secret of a mark, and nothing for another text", function()
    local found = { "one", "two" }
    assert.equal("two", extract.marked("‹2›", found))
    for _, text in ipairs { "‹3›", "a ‹1›", "1", "‹›", 7, true } do
      assert.is_nil(extract.marked(text, found))
    end
  end)
end)
