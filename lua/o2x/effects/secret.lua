--- Secrets, as scripts see them: values to pass on, not to read. Runbooks: require "o2x.secret".

local secret = require "o2x.base.secret"

return {
  name = "secret",
  api = function()
    return {
      --- Is the value a secret?
      ---@param value any
      ---@return boolean
      is = secret.is,

      --- Do two secrets, or a secret and a text, hold the same?
      ---@param a userdata|string
      ---@param b userdata|string
      ---@return boolean
      equal = secret.equal,
    }
  end,
}
