local suggest = require "o2x.base.suggest"

describe("a suggestion", function()
  it("is the name that is nearest to a misspelt one", function()
    assert.equal("onboard", suggest.nearest("onbord", { "deploy", "onboard" }))
    assert.equal("; did you mean onboard?", suggest.did_you_mean("onbord", { "deploy", "onboard" }))
  end)

  it(
    "is the name that holds the word, if none is spelt alike",
    function() assert.equal("service-sso", suggest.nearest("sso", { "service-billing", "service-sso" })) end
  )

  it("is none when no name is near", function()
    assert.is_nil(suggest.nearest("xyzzy", { "deploy", "onboard" }))
    assert.equal("", suggest.did_you_mean("xyzzy", { "deploy", "onboard" }))
  end)

  it(
    "is not looked for with a word that is too long to be a name",
    function() assert.equal("", suggest.did_you_mean(("x"):rep(100), { "x" })) end
  )
end)
