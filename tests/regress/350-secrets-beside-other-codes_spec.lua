-- The texts of a value are searched for secrets as one. What stands in one text must not change how the next one is
-- decoded, or the next one is remembered as clean although it has a secret.

local secret = require "o2x.base.secret"

local PLAIN <const> = "Beside~other+codes!"

local function each_byte(format, text)
  return (text:gsub(".", function(c) return format:format(c:byte()) end))
end

local NUMBERS <const> = each_byte("%d,", PLAIN)

-- name, what stands before, a text with the secret
local CASES <const> = {
  { "a digit before numbers, both in hexadecimal", "31", each_byte("%02x", NUMBERS) },
  { "a letter before numbers, both in hexadecimal", "66", each_byte("%02X", NUMBERS) },
  { "digits before hexadecimal", "1", each_byte("%02x", PLAIN) },
  { "digits before numbers", "12", NUMBERS },
  { "an escape without an end", "%4", each_byte("%%%02x", PLAIN) },
  { "a backslash", "abc\\", each_byte("\\x%02x", PLAIN) },
}

describe("a secret in one of many texts", function()
  for _, case in ipairs(CASES) do
    it("is found behind " .. case[1], function()
      local key <const> = secret.new(PLAIN, "key")
      assert.is_true(secret.suspicious { case[2], case[3] })
      assert.is_true(secret.suspicious { case[3], case[2] })
      assert.truthy(secret.found(case[3]))
      secret.wipe(key)
    end)
  end

  it("is found as numbers right behind a letter that is a hexadecimal digit", function()
    local key <const> = secret.new(PLAIN, "key")
    assert.truthy(secret.found("field" .. NUMBERS))
    assert.equal("field******,", (secret.scrub("field" .. NUMBERS)))
    secret.wipe(key)
  end)
end)
