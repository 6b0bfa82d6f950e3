--- May the running task still write? A run holds its tenant for a time, which it renews (engine/lease.lua). Where that
--- could not be renewed, somebody else may hold the tenant by now, and nothing more is to be sent. A client asks before
--- each request that changes something; that costs no request of its own.

local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local M = {}

local FIELD <const> = "lease" -- of the context that the run's tasks inherit

---@class o2x.lease
---@field check fun(self: o2x.lease) raises if the tenant may be another run's
---@field on_loss (fun(self: o2x.lease, stop: fun()): table)? calls stop once the run may not write any more, until what
---  it returns is closed

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

local Watch = {}
Watch.__index = Watch
Watch.__close = function(self) local _ <close> = self.registered end

--- Watches over a program that writes: where the run may not write any more, the program is stopped. It would go on
--- otherwise, while another run has the tenant.
---@param name string of the program
---@param stop fun() stops it
---@return table watch to be closed; its method check raises if the program was stopped
function M.watch(name, stop)
  local self = setmetatable({ name = name }, Watch)
  local lease = M.current()
  self.registered = lease and lease.on_loss and lease:on_loss(function()
    self.lease = lease
    stop()
  end)
  return self
end

--- Raises why the program was stopped, if it was.
function Watch:check()
  if not self.lease then return end
  local _, why = pcall(self.lease.check, self.lease)
  errors.raise {
    kind = errors.is(why) and why.kind or "locked",
    module = "lock",
    code = errors.is(why) and why.code or nil,
    message = ("%s; %s was stopped in the middle of its work"):format(tostring(why), self.name),
    hint = errors.is(why) and why.hint or nil,
  }
end

return M
