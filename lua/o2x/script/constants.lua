--- Makes the tables of a module constant once it is loaded. A view of the module alone would not do: its functions
--- also return tables that they keep in local variables, and could change them.

local frozen = require "o2x.base.frozen"

local M = {}

local seal

local function seal_function(fn, sources, seen)
  if not sources[debug.getinfo(fn, "S").source] then return end -- o2x's own
  local index = 1
  local name, kept = debug.getupvalue(fn, index)
  while name do
    if type(kept) == "table" and name ~= "_ENV" then debug.setupvalue(fn, index, frozen.constant(kept)) end
    if name ~= "_ENV" then seal(kept, sources, seen) end
    index = index + 1
    name, kept = debug.getupvalue(fn, index)
  end
end

local function seal_table(t, sources, seen)
  for _, item in next, t do
    seal(item, sources, seen)
  end
  seal(debug.getmetatable(t), sources, seen)
end

function seal(value, sources, seen)
  local kind = type(value)
  if kind ~= "table" and kind ~= "function" or seen[value] then return end
  seen[value] = true
  if kind == "function" then return seal_function(value, sources, seen) end
  if not frozen.contents[value] and not frozen.is_handle(value) then seal_table(value, sources, seen) end
end

--- Makes constant all tables that the functions of a module hold in local variables outside of them: the functions see
--- read-only views from now on.
---@param module any what the file returned
---@param sources table<string, boolean> the chunk names of scripts; other functions are left alone
function M.seal(module, sources) seal(module, sources, {}) end

return M
