-- A text in which no secret was found is remembered. It must be looked at again when a secret has come since, and what
-- was only searched for secrets may still have the label of one.

local leaks = require "o2x.base.leaks"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("a text that was found clean", function()
  local count = 0

  -- Ways to look at a text; each says whether it has a secret.
  local LOOKS <const> = {
    found = function(text) return secret.found(text) ~= nil end,
    scrub = function(text) return secret.scrub(text) ~= text end,
    ranges = function(text) return #secret.ranges(text) > 0 end,
    suspicious = function(text) return secret.suspicious { a = { text } } end,
    check = function(text) return not pcall(leaks.check, { field = text }, { what = "x.y" }) end,
    hide = function(text) return leaks.hide({ text }, nil, "answer")[1] ~= text end,
  }

  for first, look in pairs(LOOKS) do
    it("by " .. first .. " is looked at again when a secret comes", function()
      count = count + 1
      local plain = ("late-secret-%d"):format(count)
      local text = "the text has " .. plain .. " in it"
      assert.is_false(look(text))
      assert.is_false(look(text))
      local late = secret.new(plain, "late")
      for second, again in pairs(LOOKS) do
        assert.is_true(again(text), second)
      end
      secret.wipe(late)
      assert.is_false(look(text))
    end)
  end

  it("is still refused if it has the label of a secret", function()
    local shown = tostring(secret.new("label-of-a-clean-text", "a/key"))
    assert.is_nil(secret.found(shown))
    assert.is_false(secret.suspicious(shown))
    assert.truthy(raised(leaks.check, { a = shown }, { what = "x.y" }).message:find("has the label", 1, true))
  end)

  it("does not keep others from being looked at", function()
    local key = secret.new("beside-a-clean-text", "key")
    local clean = "nothing is in this text"
    assert.is_nil(secret.found(clean))
    assert.is_true(secret.suspicious { clean, { clean, { clean, "beside-a-clean-text" } } })
    secret.wipe(key)
  end)
end)
