--- Read-only tables. Everything that scripts get from the engine is made of them.

local M = {}

--- Frozen table → its contents, for code that iterates over one (the script's pairs).
M.contents = setmetatable({}, { __mode = "k" })

--- A read-only view of a table.
---@param contents table
---@param missing (fun(name: any): any)? called for a missing name
---@param refusal string|fun(name: any, value: any)|nil the error of an assignment, with %s for the name, or its handler
---@return table
function M.new(contents, missing, refusal)
  local view = setmetatable({}, {
    __metatable = false,
    __index = missing and function(_, key)
      local value = contents[key]
      if value == nil then return missing(key) end
      return value
    end or contents,
    __newindex = type(refusal) == "function" and function(_, key, value) refusal(key, value) end
      or function(_, key) error((refusal or "%s is read-only"):format(tostring(key)), 2) end,
    __len = function() return #contents end,
  })
  M.contents[view] = contents
  return view
end

return M
