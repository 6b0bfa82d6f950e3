--- Secrets for runbooks: require "o2x.secret". Scripts can pass secrets on, but not read them.

local guesses = require "o2x.base.guesses"
local secret = require "o2x.base.secret"

return {
  name = "secret",
  api = function()
    local count = guesses.new "secret.equal"
    return {
      --- Is the value a secret?
      ---@param value any
      ---@return boolean
      is = secret.is,

      --- Are two secrets, or a secret and a string, equal? A run may compare a secret with a string 20 times.
      ---@param a userdata|string
      ---@param b userdata|string
      ---@return boolean
      equal = function(a, b)
        count(a, b)
        return secret.equal(a, b)
      end,
    }
  end,
}
