local api = require "tests.support.api"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local yaml = api "yaml"

describe("o2x.yaml", function()
  it("reads one document, or all", function()
    assert.same({ a = 1 }, yaml.decode "a: 1\n")
    assert.same({ { a = 1 }, { b = 2 } }, yaml.decode_all "a: 1\n---\nb: 2\n")
  end)

  it("writes in the order of the pairs", function()
    local t = yaml.ordered { { "b", 1 }, { "a", 2 } }
    assert.equal("b: 1\na: 2\n", yaml.encode(t))
    assert.same({ "b", "a" }, yaml.keys(t))
  end)

  it(
    "writes what a plan does not know yet as such",
    function() assert.equal("a: (known after apply)\n", yaml.encode { a = value.unknown }) end
  )

  it("writes no secret", function()
    local ok, err = pcall(yaml.encode, { secret.new("sesame-sesame", "s") })
    assert.is_false(ok)
    assert.equal("refused", err.kind)
  end)
end)
