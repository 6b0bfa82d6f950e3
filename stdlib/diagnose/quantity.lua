--- Kubernetes quantities of limits and usage.

local M = {}

local FACTORS = {
  [""] = 1,
  n = 1e-9,
  u = 1e-6,
  m = 1e-3,
  k = 1e3,
  M = 1e6,
  G = 1e9,
  Ki = 2 ^ 10,
  Mi = 2 ^ 20,
  Gi = 2 ^ 30,
  Ti = 2 ^ 40,
}

--- The value of a quantity: "1500m" → 1.5.
---@param text string|number|nil
---@return number|nil value nil if it is not a quantity
function M.value(text)
  local digits, unit = tostring(text):match "^([%d.]+)(%a*)$"
  return digits and FACTORS[unit] and tonumber(digits) * FACTORS[unit]
end

--- The resource of a container that is above its threshold.
---@param used { name: string, usage: table<string, string> } a container of PodMetrics
---@param containers table[] the pod template's containers
---@param full table<string, number> thresholds as shares of the limit: { cpu = 0.8 }
---@return number|nil share of the limit; nil if nothing is above its threshold
---@return string|nil resource "cpu", "memory"
function M.worst(used, containers, full)
  for _, container in ipairs(containers) do
    local limits = container.name == used.name and container.resources and container.resources.limits
    for what, share in pairs(limits and full or {}) do
      local limit, now = M.value(limits[what]), M.value(used.usage[what])
      if limit and now and limit > 0 and now / limit > share then return now / limit, what end
    end
  end
end

return M
