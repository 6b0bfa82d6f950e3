--- Who holds a tenant, and what a journal says of its lock, for people.

local units = require "o2x.base.units"

local M = {}

--- When a holder gave its last sign of life.
---@param age number seconds
---@return string
function M.ago(age)
  if age < 0 then return units.duration(-age) .. " ahead of the server's clock" end
  return units.duration(age) .. " ago"
end

--- Who a holder is.
---@param holder o2x.pg.holder
---@return string
function M.who(holder)
  return ("%s@%s runs %s (%s) since %s, last sign of life %s"):format(
    holder.user,
    holder.host,
    holder.runbook,
    holder.run,
    holder.since,
    M.ago(holder.age)
  )
end

--- What is special in what a journal says of its lock.
---@param record table? of Holding:record
---@return string[] lines
function M.lines(record)
  local lines, from = {}, record and record.from
  if record and record.alone then lines[1] = "--local-lock: " .. record.alone end
  if from then lines[1] = ("took over from %s@%s, %s (%s)"):format(from.user, from.host, from.runbook, from.run) end
  return lines
end

return M
