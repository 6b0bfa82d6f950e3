-- A values file that ends in a line of three dashes was refused as if it had two documents. In one with a byte order
-- mark, or with a text block that ends without a newline, no key could be added.

local helm_values = require "o2x.client.helm.values"

describe("a value is set in a file", function()
  local function set(text, path) return helm_values.parse(text, "v.yaml"):set(path, 2):text() end

  it("that ends in a separator", function()
    assert.equal("a: 2\n---\n", set("a: 1\n---\n", "a"))
    assert.equal("a: 1\nb: 2\n---", set("a: 1\n---", "b"))
    assert.equal("a: 1\r\nb: 2\r\n---\r\n# end\r\n", set("a: 1\r\n---\r\n# end\r\n", "b"))
  end)

  it("with a byte order mark", function()
    assert.equal("\xef\xbb\xbfa: 1\nb: 2\n", set("\xef\xbb\xbfa: 1\n", "b"))
    assert.equal("\xef\xbb\xbfa: 2\nb: 1\nc: 1\n", set("\xef\xbb\xbfb: 1\nc: 1\n", "a"))
  end)

  it("whose last line is one of a text block and has no end", function()
    assert.equal("b: 2\nt: |\n  one", set("t: |\n  one", "b"))
    assert.equal("a: 1\nz: 2\nt: |\n  one", set("a: 1\nt: |\n  one", "z"))
    assert.equal("a:\n  m: 2\n  t: >\n    one", set("a:\n  t: >\n    one", "a.m"))
  end)
end)
