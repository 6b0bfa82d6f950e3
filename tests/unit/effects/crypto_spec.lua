local api = require "tests.support.api"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local crypto = api "crypto"

describe("o2x.crypto", function()
  it("hashes a password as a secret that matches it", function()
    local password = secret.new("correct-horse", "admin.password")
    local hash = crypto.bcrypt(password)
    assert.is_true(secret.is(hash))
    assert.is_true(secret.is(crypto.bcrypt "correct-horse"))
    assert.not_equal(secret.fingerprint(hash), secret.fingerprint(crypto.bcrypt(password)))
  end)

  it("tells whether a hash is that of a password", function()
    local hash = require("o2x.base.crypto").bcrypt "correct-horse"
    assert.is_true(crypto.bcrypt_matches("correct-horse", hash))
    assert.is_false(crypto.bcrypt_matches("correct-mule", hash))
  end)

  it("does not know the hash of what a plan does not know", function()
    assert.is_true(value.is_unknown(crypto.bcrypt(value.unknown)))
    assert.is_false(crypto.bcrypt_matches(value.unknown, "x"))
  end)

  it("has the usual sums and forms", function()
    assert.equal("ba7816bf", crypto.sha256("abc"):sub(1, 8))
    assert.equal("YWJj", crypto.base64 "abc")
    assert.equal("abc", crypto.unbase64 "YWJj")
    assert.equal("616263", crypto.hex "abc")
  end)
end)
