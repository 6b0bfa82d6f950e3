local names = require "o2x.client.helm.values.names"

local function replace(text, pairs_list, keep) return names.replace(text, names.candidates(pairs_list, keep)) end

describe("names.replace", function()
  it("replaces whole names, wherever they stand", function()
    local text = "http://urbanos-tax:80 urbanos. (urbanos)"
    assert.equal("http://acme-tax:80 acme. (acme)", replace(text, { { "urbanos", "acme" } }))
  end)

  it("does not replace a part of a longer word", function()
    for _, text in ipairs { "urbanosphere", "myurbanos", "urbanos2", "éurbanos" } do
      assert.equal(text, replace(text, { { "urbanos", "acme" } }))
    end
  end)

  it("takes the longest name first, and replaces nothing twice", function()
    local pairs_list = { { "a", "b" }, { "a-prd", "c" }, { "b", "d" } }
    assert.equal("c b d", replace("a-prd a b", pairs_list))
  end)

  it(
    "leaves names that are to stay",
    function()
      assert.equal(
        "acme urbanos-shared",
        replace("urbanos urbanos-shared", { { "urbanos", "acme" } }, { "urbanos-shared" })
      )
    end
  )

  it("wants names that are some", function()
    assert.is_false((pcall(names.candidates, { { "", "x" } })))
    assert.is_false((pcall(names.candidates, { { "x", 1 } })))
  end)
end)

describe("names.mentions", function()
  it("finds where an old name still stands, however it is written", function()
    local candidates = names.candidates { { "urbanos", "acme" } }
    assert.same({ 1, 9 }, names.mentions("URBANOS urbanosphere", candidates))
    assert.same({}, names.mentions("acme", candidates))
  end)

  it(
    "does not find one inside the new name",
    function() assert.same({}, names.mentions("urbanos-sbx", names.candidates { { "urbanos", "urbanos-sbx" } })) end
  )
end)
