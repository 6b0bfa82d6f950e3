local crypto = require "o2x.base.crypto"
local secret = require "o2x.base.secret"

describe("crypto", function()
  it("names files by SHA-1", function() assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", crypto.sha1 "abc") end)

  it("hashes as FIPS 180 and RFC 4231 say", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", crypto.sha256 "abc")
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", crypto.sha256 "")
    assert.equal(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      crypto.hmac_sha256("Jefe", "what do ya want for nothing?")
    )
    assert.equal(crypto.hmac_sha256("Jefe", "x"), crypto.hmac_sha256(secret.new("Jefe", "key"), "x"))
    assert.is_true(
      secret.equal(crypto.hmac_sha256_bytes("Jefe", "x", "derived"), crypto.hmac_sha256_bytes("Jefe", "x"))
    )
  end)

  it("sums as RFC 3720 says", function()
    assert.equal(0xe3069283, crypto.crc32c "123456789")
    assert.equal(0x8a9136aa, crypto.crc32c(("\0"):rep(32)))
    assert.equal(crypto.crc32c "123456789", crypto.crc32c("6789", crypto.crc32c "12345"))
  end)

  it("encodes and decodes", function()
    local known = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", ["\0\255\254"] = "AP/+" }
    for bytes, text in pairs(known) do
      assert.equal(text, crypto.base64(bytes))
      assert.equal(bytes, crypto.unbase64(text))
    end
    assert.equal("00ff7f", crypto.hex "\0\255\127")
    assert.equal("\0\255\127", crypto.unhex "00fF7f")
    for _, bad in ipairs { "Zg=", "Zg", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm\0v" } do
      assert.is_false(pcall(crypto.unbase64, bad))
    end
    for _, bad in ipairs { "0", "0g", "  " } do
      assert.is_false(pcall(crypto.unhex, bad))
    end
    for n = 1, 40 do
      local bytes = crypto.random(n)
      assert.equal(n, #bytes)
      assert.equal(bytes, crypto.unbase64(crypto.base64(bytes)))
      assert.equal(bytes, crypto.unhex(crypto.hex(bytes)))
    end
  end)

  it(
    "does not hash a secret plainly",
    function() assert.is_false(pcall(crypto.sha256, secret.new("hunter2-hunter2", "x"))) end
  )

  it("hashes several passwords at once, and can be cancelled while it does", function()
    local task = require "o2x.base.task"
    local hashes =
      task.parallel { a = function() return crypto.bcrypt("a", 4) end, b = function() return crypto.bcrypt("b", 4) end }
    assert.is_true(crypto.bcrypt_matches("a", hashes.a) and crypto.bcrypt_matches("b", hashes.b))
    local handle = task.spawn(crypto.bcrypt, "c", 12)
    task.sleep(0)
    handle:cancel()
    assert.is_false(pcall(handle.join, handle))
    do
      local _dropped <close> = require("o2x.core.crypto").bcrypt("d", 4)
    end
    assert.equal(60, #crypto.bcrypt("e", 4)) -- the threads go on
  end)

  it("makes and checks bcrypt hashes", function()
    local password = secret.new("correct horse", "password")
    local hash = crypto.bcrypt(password, 4)
    assert.is_truthy(hash:match "^%$2b%$04%$[./%w]+$")
    assert.equal(60, #hash)
    assert.not_equal(hash, crypto.bcrypt(password, 4))
    assert.is_true(crypto.bcrypt_matches("correct horse", hash))
    assert.is_false(crypto.bcrypt_matches("wrong horse", hash))
    assert.is_true(crypto.bcrypt_matches("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
    assert.is_false(crypto.bcrypt_matches("x", "ChangeMe123!"))
    assert.is_truthy(crypto.bcrypt(password):match "^%$2b%$10%$")
    for _, bad in ipairs { "", "a\0b", ("x"):rep(73) } do
      assert.is_false(pcall(crypto.bcrypt, bad))
    end
  end)
end)
