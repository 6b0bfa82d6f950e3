--- A tenant's grants as authorization entries of ActiveMQ.

local M = {}

--- The entries: the queues below the tenant's prefix. Whoever may create a queue over the management interface may do
--- it under any name there, so that interface must stay behind a login of its own.
---@param identity string
---@param grants table
---@return string
function M.text(identity, grants)
  local lines = {}
  for _, prefix in ipairs(grants.broker or {}) do
    lines[#lines + 1] = ('<authorizationEntry queue="%s>" read="%s" write="%s" admin="%s"/>'):format(
      prefix,
      identity,
      identity,
      identity
    )
  end
  return #lines > 0 and table.concat(lines, "\n") or "<!-- the tenant has no id yet: no queue is its own -->"
end

return M
