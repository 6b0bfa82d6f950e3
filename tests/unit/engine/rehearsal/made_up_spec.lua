local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local made_up = require "o2x.engine.rehearsal.made_up"
local secret = require "o2x.base.secret"

describe("rehearsal.made_up", function()
  local texts = made_up.new()
  local key = secret.new("sk_live_4eC39", "stripe/api_key")

  it("makes the same text of the same secret, wherever it stands, and another one in another rehearsal", function()
    assert.equal(texts:text(key), texts:text(secret.new("sk_live_4eC39", "elsewhere")))
    assert.are_not.equal(texts:text(key), texts:text(secret.new("sk_live_4eC40", "stripe/api_key")))
    assert.are_not.equal(texts:text(key), made_up.new():text(key))
    assert.is_nil(texts:text(key):find("4eC39", 1, true))
  end)

  it("keeps values as data without their secrets, and makes them again", function()
    local value = { name = "a", n = 2.0, key = key, list = json.array { key }, none = json.null }
    local data = texts:data(value, "it")
    assert.is_nil(json.encode(data):find("4eC39", 1, true))
    assert.is_nil(json.encode(data):find(secret.fingerprint(key), 1, true))
    local again = made_up.revive(json.decode(json.encode(data)))
    assert.equal("a", again.name)
    assert.equal("float", math.type(again.n))
    assert.equal(json.null, again.none)
    assert.is_true(secret.is(again.key))
    assert.is_true(secret.equal(again.key, texts:text(key)))
    assert.is_true(secret.equal(again.list[1], again.key))
  end)

  it("writes clear texts for objects of the cluster, in base64 where the secrets are", function()
    local object = { data = { a = key }, plain = "x", list = json.array {} }
    assert.equal(texts:text(key), texts:clear(object).data.a)
    assert.equal(crypto.base64(texts:text(key)), texts:clear(object, true).data.a)
    assert.is_true(json.is_array(texts:clear(object).list))
    assert.is_true(secret.is(object.data.a))
  end)

  it("makes the hash of a password that of the text in its place", function()
    local password = secret.new("correct horse", "admin/password")
    texts:add_passwords { admin = { password = password, other = key } }
    local row = texts:with_hashes { password = { ["$bcrypt"] = crypto.bcrypt("correct horse", 4) }, name = "a" }
    assert.is_true(secret.is(row.password))
    local made = made_up.revive(texts:data(row, "row")).password
    assert.is_true(secret.equal(made, texts:text(row.password)))
    assert.is_true(crypto.bcrypt_matches(texts:text(password), texts:text(row.password)))
    assert.equal("a", row.name)
  end)

  it("makes a hash also of a password that nobody knows", function()
    local row = texts:with_hashes { password = { ["$bcrypt"] = crypto.bcrypt("unknown", 4) } }
    assert.matches("^%$2b%$10%$", texts:text(row.password))
    assert.is_nil(made_up.new():with_hashes(nil))
  end)
end)
