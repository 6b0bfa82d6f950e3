local clock = require "o2x.base.clock"
local keys = require "o2x.client.aws.credentials.keys"
local secret = require "o2x.base.secret"

describe("a document with keys", function()
  it("is read without its secrets becoming texts", function()
    local document = keys.from_json(
      secret.new('{"a": {"Key": "x\\/y\\u002bz", "Id": "i"}, "Key": "top-secret", "n": null, "t": 12}', "x"),
      { "Key" },
      "a test"
    )
    assert.is_true(secret.equal(document.a.Key, "x/y+z"))
    assert.is_true(secret.equal(document.Key, "top-secret"))
    assert.equal("i", document.a.Id)
    assert.equal(12, document.t)
  end)

  it("that is no document is refused", function()
    for _, text in ipairs { "", "null", "7", "<html>" } do
      local ok, err = pcall(keys.from_json, text, { "Key" }, "a test")
      assert.is_false(ok)
      assert.equal("AWS credentials from a test: the answer is not JSON", err.message)
    end
  end)

  it("may be XML", function()
    local root, found = keys.from_xml(
      secret.new("<A><SecretAccessKey> se/cret </SecretAccessKey><Id>i</Id><SessionToken/></A>", "x"),
      "a test"
    )
    assert.equal("i", root:value "Id")
    assert.is_true(secret.equal(found.SecretAccessKey[1], "se/cret"))
    assert.same({}, found.SessionToken)
  end)
end)

describe("keys.check", function()
  local function given(more)
    local all = { access_key = "AKIA", secret_key = secret.new("some-secret", "k") }
    for name, value in pairs(more or {}) do
      all[name] = value or nil
    end
    return all
  end

  it("gives keys a common form", function()
    local found = keys.check(given { expires = "2099-01-01T00:00:00Z" }, "a test")
    assert.equal("AKIA", found.access_key)
    assert.equal(clock.parse "2099-01-01T00:00:00Z", found.expires)
    assert.is_nil(keys.check(given(), "a test").expires)
    assert.equal(4070908800, keys.check(given { expires = 4070908800000 }, "a test").expires)
  end)

  it("refuses keys that are not whole, or have expired, in one line", function()
    for message, more in pairs {
      ["no access key in the answer"] = { access_key = false },
      ["no secret access key in the answer"] = { secret_key = false },
      ['the time "soon" is no time'] = { expires = "soon" },
      ["they expired at 2020-01-01T00:00:00Z"] = { expires = "2020-01-01T00:00:00Z" },
    } do
      local ok, err = pcall(keys.check, given(more), "a test", "log in")
      assert.is_false(ok)
      assert.equal("AWS credentials from a test: " .. message, err.message)
      assert.equal("unauthorised", err.kind)
    end
  end)
end)
