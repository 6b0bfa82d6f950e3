--- May the running task still write? A run holds its tenant for a time, which it renews (engine/lease.lua). Where that
--- could not be renewed, somebody else may hold the tenant by now, and nothing more is to be sent. A client asks before
--- each request that changes something; that costs no request of its own.

local task = require "o2x.base.task"

local M = {}

local FIELD <const> = "lease" -- of the context that the run's tasks inherit

---@class o2x.lease
---@field check fun(self: o2x.lease) raises if the tenant may be another run's

--- Runs fn, whose writes ask the lease first. So do those of the tasks that it starts.
---@param lease o2x.lease
---@param fn function
---@param ... any arguments of fn
---@return any its results
function M.within(lease, fn, ...) return task.within(FIELD, lease, fn, ...) end

--- The lease of the running task.
---@return o2x.lease? nil: it has none
function M.current() return task.context()[FIELD] end

--- Raises if the running task may not write any more.
function M.check()
  local lease = M.current()
  if lease then lease:check() end
end

return M
