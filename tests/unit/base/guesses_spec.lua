local guesses = require "o2x.base.guesses"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("guesses", function()
  local key, other = secret.new("sesame-guess", "key"), secret.new("sesame-other", "other")

  for what, guess in pairs {
    ["a text"] = function() return "sesame-guess" end,
    ["a secret made of parts"] = function() return key .. "" end,
    ["an empty secret and a text"] = function() return secret.new("", "none") .. "sesame-guess" end,
  } do
    it("counts comparisons with " .. what, function()
      local count = guesses.new "secret.equal"
      for _ = 1, guesses.MOST do
        count(key, guess())
      end
      for _, pair in ipairs { { key, guess() }, { guess(), key } } do
        local err = raised(count, pair[1], pair[2])
        assert.equal("secret.equal: more than 20 comparisons of a secret with a text", err.message)
        assert.is_true(err.final)
      end
    end)
  end

  it("does not count two secrets, or two texts", function()
    local count = guesses.new "secret.equal"
    for _ = 1, 100 do
      count(key, other)
      count("a", "b")
    end
  end)
end)
