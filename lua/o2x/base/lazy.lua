--- Modules that are loaded at their first use, so that a command's start costs what it needs and no more.

--- A stand-in for a module's table: for `lazy "o2x.engine.plan"` instead of `require "o2x.engine.plan"`.
---@param name string
---@return table
return function(name)
  return setmetatable({}, { __index = function(_, key) return require(name)[key] end })
end
