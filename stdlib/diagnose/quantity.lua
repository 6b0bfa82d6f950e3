--- Kubernetes quantities, as far as limits and usage need them.

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

--- "1500m" → 1.5; nil if it is no quantity.
---@param text string|number|nil
---@return number|nil
function M.value(text)
  local digits, unit = tostring(text):match "^([%d.]+)(%a*)$"
  return digits and FACTORS[unit] and tonumber(digits) * FACTORS[unit]
end

--- How full a container is, where that is beyond what is all right.
---@param used { name: string, usage: table<string, string> }
---@param containers table[] of the pod's template
---@param full table<string, number> share of the limit that is too much
---@return number|nil share
---@return string|nil what "cpu", "memory"
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
