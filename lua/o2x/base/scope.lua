--- The run's grants, asked before anything goes out. The comparison is in C (host/scope.c), on canonical bytes.

local core = require "o2x.core.scope"
local errors = require "o2x.base.error"

local M = {}

local function checker(compare)
  return function(grants, value, what)
    local ok, message = compare(grants or {}, value)
    if ok then return value end
    errors.raise {
      kind = "refused",
      module = "scope",
      code = "EREFUSED",
      message = ("%s %s"):format(what, message),
      hint = "a run is bound to one tenant; stdlib/platform.lua says what it may touch",
    }
  end
end

--- The path is one of the grants, or below one that ends with a slash. Each of these takes grants (a list), the value as it
--- goes out, and what it is ("Vault path"); gives the value or raises "refused".
---@type fun(grants: string[], value: string, what: string): string
M.path = checker(core.path)
--- The name is one of the grants, to the byte.
M.name = checker(core.name)
--- The key begins with one of the grants, each of which ends with its separator.
M.key = checker(core.key)
--- The domain name is one of the grants, or below one.
M.domain = checker(core.domain)

return M
