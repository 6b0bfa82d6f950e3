local origin = require "o2x.base.origin"
local secret = require "o2x.base.secret"

describe("where a secret comes from", function()
  it("is known of the very secret that it was noted for", function()
    local one, other = secret.new("a password", "x"), secret.new("a password", "x")
    assert.equal(one, origin.note(one, { how = "generated", length = 10 }))
    assert.same({ how = "generated", length = 10 }, origin.of(one))
    assert.is_nil(origin.of(other))
  end)
end)
