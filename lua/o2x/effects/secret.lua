--- Secrets for runbooks: require "o2x.secret". Scripts can pass secrets on, but not read them.

local secret = require "o2x.base.secret"

return {
  name = "secret",
  api = function()
    return {
      --- Is the value a secret?
      ---@param value any
      ---@return boolean
      is = secret.is,

      --- Are two secrets, or a secret and a string, equal?
      ---@param a userdata|string
      ---@param b userdata|string
      ---@return boolean
      equal = secret.equal,
    }
  end,
}
