local path = require "o2x.client.helm.values.path"

describe("path.parse", function()
  it("reads keys", function() assert.same({ { key = "app" }, { key = "postgres" } }, path.parse "app.postgres") end)

  it(
    "reads a number in brackets from 0, as helm --set does",
    function() assert.same({ { key = "hosts" }, { index = 1 }, { index = 3 } }, path.parse "hosts[0][2]") end
  )

  it("reads an element by what it has", function()
    local parts = path.parse "env[name=REDIS_HOST].value"
    assert.same({ { key = "env" }, { name = "name", value = "REDIS_HOST" }, { key = "value" } }, parts)
  end)

  it("takes the character after a backslash as it is", function()
    assert.same({ { key = "kubernetes.io/os" } }, path.parse [[kubernetes\.io/os]])
    assert.same({ { key = "a" }, { name = "n", value = "x]y" } }, path.parse "a[n=x\\]y]")
  end)

  it("refuses what is no path, with the reason", function()
    for text, reason in pairs {
      [""] = "empty",
      ["a..b"] = "empty key",
      ["a["] = "%[ without %]",
      ["a[x]"] = "neither",
      ["a[0]b"] = "expected",
    } do
      local ok, err = pcall(path.parse, text)
      assert.is_false(ok, text)
      assert.matches(reason, err.message)
    end
    assert.is_false((pcall(path.parse, 7)))
  end)
end)

describe("path.escape", function()
  it("makes of any key one part", function()
    for _, key in ipairs { "a.b", "a[0]", [[a\b]], "plain" } do
      assert.same({ { key = key } }, path.parse(path.escape(key)))
    end
  end)
end)

describe("path.index", function()
  local list = { { name = "a" }, { name = "b" }, { name = 3 } }

  it("finds an element by number or by what it has", function()
    assert.equal(2, path.index({ index = 2 }, list))
    assert.equal(2, path.index({ name = "name", value = "b" }, list))
    assert.equal(3, path.index({ name = "name", value = "3" }, list))
  end)

  it("is nil for one that is not there", function()
    assert.is_nil(path.index({ index = 4 }, list))
    assert.is_nil(path.index({ name = "name", value = "c" }, list))
  end)
end)
