-- secret.equal with a text told a script, as often as it asked, whether it had guessed right; so did fingerprints.
local effects = require "o2x.effects"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("a script that guesses", function()
  it("may compare with a text 20 times", function()
    local api, key = effects.pure "secret", secret.new("4711", "pin")
    for guess = 1, 20 do
      assert.is_false(api.equal(key, tostring(guess)))
    end
    assert.matches("more than 20 comparisons", raised(api.equal, key, "4711").message)
    assert.is_true(api.equal(key, secret.new("4711", "another store's"))) -- two secrets say nothing new
  end)

  it("cannot see fingerprints", function() assert.is_nil(secret.new("4711", "pin").fingerprint) end)
end)
