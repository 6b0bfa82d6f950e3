--- The status conditions of objects.
local value = require "lab.k8s.value"

local M = {}

--- The condition of a type.
---@param object table
---@param type string such as "Ready"
---@return table? condition
function M.find(object, type)
  for _, condition in ipairs(value.get(object, "status", "conditions") or {}) do
    if condition.type == type then return condition end
  end
end

--- Whether the Ready condition is True.
---@param object table
---@return boolean
function M.is_ready(object)
  local ready = M.find(object, "Ready")
  return ready ~= nil and ready.status == "True"
end

return M
