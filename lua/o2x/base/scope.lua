--- Checks names and paths against the run's grants before a request is sent. host/scope.c compares canonical bytes.

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
      hint = "a run may touch only what stdlib/platform.lua grants for its tenant",
    }
  end
end

--- The path is one of the grants, or below one that ends with a slash. Each check takes the grants (a list), the value
--- as it is sent, and what it is ("Vault path"); it returns the value or raises "refused".
---@type fun(grants: string[], value: string, what: string): string
M.path = checker(core.path)
--- The name is one of the grants, byte for byte.
M.name = checker(core.name)
--- The key begins with one of the grants, each of which ends with its separator.
M.key = checker(core.key)
--- The domain name is one of the grants, or below one.
M.domain = checker(core.domain)

return M
