--- What modules keep in memory for a run. It goes with the run: one process may make thousands of them.

local task = require "o2x.base.task"

local M = {}

local FIELD <const> = "run_memory" -- of the context that the run's tasks inherit
local outside = {} -- of what asks without a run, such as a test

--- Begins the memory of a run in the running task and those that it spawns.
---@return fun() close a run within another one gives its task back; otherwise the memory stays with the task
function M.open()
  local context = task.context()
  local outer = rawget(context, FIELD)
  context[FIELD] = {}
  return function()
    if outer then context[FIELD] = outer end
  end
end

--- The memory of a module.
---@param name string of the module
---@param tables string[] what is in it: empty tables at first
---@return table<string, table>
function M.of(name, tables)
  local memory = task.context()[FIELD] or outside
  local own = memory[name]
  if own then return own end
  own = {}
  for _, each in ipairs(tables) do
    own[each] = {}
  end
  memory[name] = own
  return own
end

return M
