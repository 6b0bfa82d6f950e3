-- `do local x <close> = secret end` ended a secret: it was printed unmasked afterwards. So did a collection.
local secret = require "o2x.base.secret"

describe("a script", function()
  it("cannot end a secret by a scope", function()
    local key = secret.new("long-sesame-long", "x")
    local chunk = load("local key = ... do local x <close> = key end", "=script", "t", {})
    assert.is_false((pcall(chunk, key)))
    assert.equal("******", (secret.scrub "long-sesame-long"))
  end)

  it("cannot end a secret by forgetting it", function()
    load("local make = ... make()", "=script", "t", {})(function() return secret.new("lost-sesame-lost", "x") end)
    collectgarbage()
    collectgarbage()
    assert.equal("******", (secret.scrub "lost-sesame-lost"))
  end)
end)
