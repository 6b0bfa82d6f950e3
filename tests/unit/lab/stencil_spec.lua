-- Copies of data with other words.

local json = require "o2x.base.json"
local stencil = require "lab.stencil"

describe("a stencil", function()
  local mark = stencil.marker { "shop", "SHOP", "T-1" }
  local words = { "two-shop", "TWO-SHOP", "T-22" }

  it("exchanges words in texts, keys and lists, and nowhere else", function()
    local data = { name = "shop-sso", list = json.array { "T-1", "T-12", "workshop", "shop1" }, ["a/shop"] = true }
    local copy = stencil.fill(stencil.cut(data, mark), words)
    assert.same({ name = "two-shop-sso", list = { "T-22", "T-12", "workshop", "shop1" }, ["a/two-shop"] = true }, copy)
    assert.is_true(json.is_array(copy.list))
    assert.equal("shop-sso", data.name)
  end)

  it("takes the longer of two words at one place", function()
    local both = stencil.marker { "shop", "shop-sso-1" }
    assert.equal("x y-sso", stencil.fill(stencil.cut("shop-sso-1 shop-sso", both), { "y", "x" }))
  end)

  it("shares what has no word between all copies", function()
    local data = { name = "shop", rest = { "constant" } }
    local part = stencil.cut(data, mark)
    assert.equal(data.rest, stencil.fill(part, words).rest)
    assert.equal("plain", stencil.fill(stencil.cut("plain", mark), words))
  end)

  it("makes JSON in which an escape stands before a word", function()
    local part = stencil.json({ manifest = "name: x\nshop: T-1\n" }, mark)
    assert.same({ manifest = "name: x\ntwo-shop: T-22\n" }, json.decode(stencil.fill(part, words)))
    assert.equal("[1]", stencil.fill(stencil.json(json.array { 1 }, mark), words))
  end)
end)
