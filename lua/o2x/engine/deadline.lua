--- The longest time of a run: limits.run of the configuration.

local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"
local task = require "o2x.base.task"
local units = require "o2x.base.units"

local M = {}

-- The script line at which a task waits.
local function place(run, handle)
  for source, line in (handle:traceback() or ""):gmatch("\n%s*([^\n]-):(%d+): ") do
    if run.sandbox.sources["@" .. source] then return source .. ":" .. line end
  end
end

--- Runs fn(run). When it takes longer than a run may, cancels it and raises an error with the step and the line that it
--- was at. The run is then failed, and can be resumed.
---@param run table
---@param fn fun(run: table)
function M.perform(run, fn)
  local handle = task.spawn(fn, run)
  local ok, problem = pcall(handle.wait, handle, limits.get "run")
  if ok and handle:done() then return handle:join() end
  local where, step = place(run, handle), handle.context.step_path
  handle:cancel()
  handle:wait(nil, true)
  if not ok then error(problem, 0) end
  errors.raise {
    kind = "timeout",
    code = "limit",
    where = where,
    step = step,
    message = ("the run took longer than %s"):format(units.duration(limits.get "run")),
    hint = "o2x resume continues it; if it needs longer, raise limits.run, in o2x.yaml or with --set",
  }
end

return M
