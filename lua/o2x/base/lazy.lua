--- Loads a module at its first use, so that a command loads only what it needs.

--- A proxy for a module: `lazy "o2x.engine.plan"` instead of `require "o2x.engine.plan"`.
---@param name string
---@return table
return function(name)
  local meta = {}
  function meta.__index(_, key)
    local module = require(name)
    meta.__index = module -- from now on Lua itself looks there
    return module[key]
  end
  return setmetatable({}, meta)
end
