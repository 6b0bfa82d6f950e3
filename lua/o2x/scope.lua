--- The run's grants, asked before anything goes out. The comparison is in C (host/scope.c), on canonical bytes.

local core = require "o2x.core.scope"
local errors = require "o2x.error"

local M = {}

local function checker(compare)
  return function(grants, value, what)
    local ok, message = compare(grants or {}, value)
    if ok then return value end
    errors.raise {
      kind = "refused", module = "scope", code = "EREFUSED", message = ("%s %s"):format(what, message),
      hint = "a run is bound to one tenant; stdlib/platform.lua says what it may touch",
    }
  end
end

--- Each takes grants (a list), the value as it goes out, and what it is ("Vault path"); gives the value or raises "refused".
---@type fun(grants: string[], value: string, what: string): string
M.path = checker(core.path)
M.name = checker(core.name)
M.key = checker(core.key)
M.domain = checker(core.domain)

return M
