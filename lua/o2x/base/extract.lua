--- Takes secrets out of a text that is a secret as a whole, so that the rest can be read: the key in a file of
--- profiles, or in the answer of a service. The secrets are never plain texts of Lua.

local core = require "o2x.core.extract"
require "o2x.base.secret" -- or secrets have no operators

local M = {}

--- Takes out what a pattern captures. The places are marked: "‹1›", "‹2›" …
---@param text userdata|string
---@param pattern string of Lua, with one capture; an empty one is left
---@param label string of the secrets
---@return string text with the marks
---@return userdata[] secrets
function M.secrets(text, pattern, label) return core.secrets(text, pattern, label) end

--- The secret that a mark stands for; nil for any other text.
---@param text any
---@param secrets userdata[]
---@return userdata? secret
function M.marked(text, secrets)
  local number = type(text) == "string" and text:match "^‹(%d+)›$"
  return number and secrets[math.tointeger(tonumber(number))] or nil
end

return M
