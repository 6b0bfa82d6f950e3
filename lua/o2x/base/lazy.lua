--- Loads a module at its first use, so that a command loads only what it needs.

--- A proxy for a module: `lazy "o2x.engine.plan"` instead of `require "o2x.engine.plan"`.
---@param name string
---@return table
return function(name)
  return setmetatable({}, { __index = function(_, key) return require(name)[key] end })
end
