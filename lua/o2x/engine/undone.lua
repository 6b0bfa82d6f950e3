--- Which runs were undone, and by which: the journals of the undos say so, and nothing else has to be kept.
---
--- An undo that was itself undone does not count: the state of the first run is back.

local errors = require "o2x.base.error"

--- RUNBOOK: what stands as the name of an undo's runbook.
local M = { RUNBOOK = "undo" }

local ENDED <const> = { done = true, incomplete = true }

local function note(target, undo)
  local step = undo.undo.step
  if not ENDED[undo.status] then
    if undo.status == "refused" or undo.status ~= "running" and not undo.begun then return end
    target.undoing = target.undoing or undo.id
    target.all_undoing = target.all_undoing or {}
    table.insert(target.all_undoing, undo.id)
  elseif step then
    target.undone_steps = target.undone_steps or {}
    target.undone_steps[step] = target.undone_steps[step] or undo.id
  else
    target.undone = target.undone or undo.id
  end
end

--- Is a run an undo? Told without a look at what its summary has beside the most important fields.
---@param summary table
---@return boolean
function M.is_undo(summary) return summary.runbook == M.RUNBOOK and summary.undo ~= nil end

local function by_id(list)
  local map = {}
  for _, one in ipairs(list) do
    map[one.id] = one
  end
  return map
end

--- Marks the runs that were undone: `undone` has the id of the undo, `undone_steps` those of undos of a step by its
--- path, `undoing` the id of the newest undo that has not ended, `all_undoing` the ids of all of those.
---@param list table[] summaries, oldest first
function M.mark(list)
  local runs
  for i = #list, 1, -1 do -- an undo of an undo is newer, so it is known first whether an undo counts
    local one = list[i]
    if M.is_undo(one) and not one.undone then
      runs = runs or by_id(list)
      local target = runs[one.undo.run]
      if target then note(target, one) end
    end
  end
end

--- Is a path that of a step, or of one below it?
---@param path string
---@param step string
---@return boolean
function M.is_within(path, step) return path == step or path:sub(1, #step + 1) == step .. "/" end

--- The undo that took back what a run did in a step.
---@param found table the run's summary, marked
---@param path string
---@return string? id
function M.of_step(found, path)
  for step, id in pairs(found.undone_steps or {}) do
    if M.is_within(path, step) then return id end
  end
end

--- Refuses to go on with a run that was undone, or is being undone.
---@param found table its summary, marked
---@param own string? the id of the undo that asks: another one may have ended since it began
function M.check(found, own)
  if found.undone then
    errors.input(
      ("%s was undone by %s"):format(found.id, found.undone),
      ("o2x undo %s brings its state back"):format(found.undone)
    )
  end
  for _, id in ipairs(found.all_undoing or {}) do
    if id ~= own then
      errors.input(
        ("%s is being undone by %s, which has not ended"):format(found.id, id),
        ("o2x resume %s continues it"):format(id)
      )
    end
  end
end

return M
