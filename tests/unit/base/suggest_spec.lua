local suggest = require "o2x.base.suggest"

describe("a suggestion", function()
  it("is the name that is nearest to a misspelt one", function()
    assert.equal("onboard", suggest.find("onbord", { "deploy", "onboard" }))
    assert.equal("; did you mean onboard?", suggest.among("onbord", { "deploy", "onboard" }))
  end)

  it(
    "is the name that holds the word, if none is spelt alike",
    function() assert.equal("service-sso", suggest.find("sso", { "service-billing", "service-sso" })) end
  )

  it("is none when no name is near", function()
    assert.is_nil(suggest.find("xyzzy", { "deploy", "onboard" }))
    assert.equal("", suggest.among("xyzzy", { "deploy", "onboard" }))
  end)

  it(
    "is not looked for with a word that is too long to be a name",
    function() assert.equal("", suggest.among(("x"):rep(100), { "x" })) end
  )
end)
