-- Of two secrets of which one is a part of the other, the rest of the longer one was printed.

local secret = require "o2x.base.secret"

describe("a secret that is a part of another one", function()
  it("leaves nothing of that one, whichever was made first", function()
    for _, order in ipairs { { "sk_live_abc123", "sk_live" }, { "sk_live", "sk_live_abc123" } } do
      local first, second = secret.new(order[1], "first"), secret.new(order[2], "second")
      assert.equal("key=****** ok", (secret.scrub "key=sk_live_abc123 ok"))
      secret.wipe(first)
      secret.wipe(second)
    end
  end)
end)
