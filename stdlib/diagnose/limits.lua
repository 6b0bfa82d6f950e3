--- How much of its limits a container uses.

local text = require "o2x.text"

local M = {}

--- The resource of a container that is above its threshold.
---@param used { name: string, usage: table<string, string> } a container of PodMetrics
---@param containers table[] the pod template's containers
---@param full table<string, number> thresholds as shares of the limit: { cpu = 0.8 }
---@return number|nil share of the limit; nil if nothing is above its threshold
---@return string|nil resource "cpu", "memory"
function M.exceeded(used, containers, full)
  for _, container in ipairs(containers) do
    local limits = container.name == used.name and container.resources and container.resources.limits
    for what, share in pairs(limits and full or {}) do
      local limit, now = text.parse_quantity(limits[what]), text.parse_quantity(used.usage[what])
      if limit and now and limit > 0 and now / limit > share then return now / limit, what end
    end
  end
end

return M
