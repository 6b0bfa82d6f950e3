--- The tenant's queues at the broker (guide: "Queue Naming").

local broker = require "o2x.broker"

local M = {}

--- The full names of the tenant's queues.
---@param tenant table
---@return string[] names "TIDLT-100008.billing.invoice" …
function M.queues(tenant)
  local names = {}
  for i, queue in ipairs(tenant.platform.broker.queues) do
    names[i] = tenant.id .. "." .. queue
  end
  return names
end

--- Ensures the tenant's queues.
---@param tenant table
function M.create(tenant) parallel.each(M.queues(tenant), broker.ensure_queue, { limit = 4 }) end

return M
