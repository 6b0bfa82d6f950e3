--- The units of a script: its steps, and what it does at the same time outside of any step. Whoever watches a run
--- (run.watch) is called in the place of each unit that is about to be done: a plan that looks ahead, and the questions
--- of --step-by-step.

local task = require "o2x.base.task"

local M = {}

--- Does a unit.
---@param run table watch(name, perform, ...): called instead of perform(...), and returns its results
---@param name string|integer the path of a step; of a parallel that is in no step, its number
---@param perform function
---@param ... any arguments of perform
---@return any results of perform
function M.perform(run, name, perform, ...)
  if run.watch then return run.watch(name, perform, ...) end
  return perform(...)
end

--- Does what is done at the same time; a unit only outside of steps.
---@param run table
---@param perform function
---@param ... any arguments of perform
---@return any results of perform
function M.parallel(run, perform, ...)
  local context = task.context()
  if (context.step_path or "") ~= "" or context.parallel_depth then return perform(...) end
  run.parallels = (run.parallels or 0) + 1
  return M.perform(run, run.parallels, perform, ...)
end

--- Is a unit in no other one?
---@param name string|integer
---@return boolean
function M.is_outermost(name)
  if math.type(name) == "integer" then return true end
  return not name:find("/", 1, true) and not task.context().parallel_depth
end

return M
