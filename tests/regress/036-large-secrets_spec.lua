-- Secrets are outside of the heap of Lua, whose size is limited: joining one with itself filled any memory.

local secret = require "o2x.base.secret"

describe("a secret", function()
  it("has at most 64 MiB", function()
    local text = secret.new(("x"):rep(1 << 20), "text")
    local ok, message = pcall(function()
      for _ = 1, 40 do
        text = text .. text
      end
    end)
    assert.is_false(ok)
    assert.matches("a secret of more than 64 MiB", tostring(message))
  end)

  it("is refused where all of them have more than 512 MiB", function()
    local list = {}
    local ok, message = pcall(function()
      for i = 1, 100 do
        list[i] = secret.new(("x"):rep(16 << 20) .. i, "text")
      end
    end)
    assert.is_false(ok)
    assert.matches("not enough memory", tostring(message))
    assert.is_true(#list < 40, #list)
    for _, one in ipairs(list) do
      secret.wipe(one)
    end
    assert.is_true(secret.is(secret.new(("x"):rep(1 << 20), "text")))
  end)
end)
