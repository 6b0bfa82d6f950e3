--- Comparisons by which a script could guess a secret: with a text, or with a secret that the script made of parts.
--- Each run may make some, because runbooks check user names; more of them are refused.

local errors = require "o2x.base.error"
local secret = require "o2x.base.secret"

local M = {}

--- Guesses that one run may make with one function.
M.MOST = 20

local function is_known(v) return not secret.is(v) or secret.is_joined(v) end

--- Counts the comparisons of one run.
---@param what string the function, for the error
---@return fun(a: any, b: any) count raises when there were too many
function M.new(what)
  local made = 0
  return function(a, b)
    if not secret.is(a) and not secret.is(b) or not is_known(a) and not is_known(b) then return end
    made = made + 1
    if made <= M.MOST then return end
    errors.raise {
      kind = "refused",
      message = ("%s: more than %d comparisons of a secret with a text"):format(what, M.MOST),
      hint = "compare a secret with a secret that was read from a system",
      final = true,
    }
  end
end

return M
