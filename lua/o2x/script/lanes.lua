--- Lanes: which branch of which `parallel` a task is in. What a script asks in one lane it asks in order; what it asks
--- in different lanes, in any. The answers of a run are kept with their lanes, so that a replay finds them
--- (engine/tape.lua).

local step = require "o2x.script.step"
local task = require "o2x.base.task"

local M = {}

--- The lane of the current task: "" outside of any parallel, else "Deploy#1.crm": the branch crm of the first parallel
--- in step Deploy.
---@return string
function M.here() return task.context().lane or "" end

-- Each parallel of a step has a number there; a step that is finished does not count in a resumed run.
local function prefix(run)
  local outer = M.here()
  local name = (outer == "" and "" or outer .. "/") .. step.path()
  run.lanes = run.lanes or {}
  run.lanes[name] = (run.lanes[name] or 0) + 1
  return ("%s#%d."):format(name, run.lanes[name])
end

--- Functions that run in lanes of their own, which are named by the functions' keys.
---@param run table
---@param functions table<any, function>
---@return table<any, function>
function M.of(run, functions)
  local before, list = prefix(run), {}
  for key, fn in pairs(functions) do
    list[key] = function() return task.within("lane", before .. tostring(key), fn) end
  end
  return list
end

--- A function that runs in another lane for each item of a list.
---@param run table
---@param fn fun(item: any, index: integer): any
---@return fun(item: any, index: integer): any
function M.each(run, fn)
  local before = prefix(run)
  return function(item, index) return task.within("lane", before .. index, fn, item, index) end
end

return M
