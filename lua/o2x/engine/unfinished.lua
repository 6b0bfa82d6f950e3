--- Is there something to go on with? One answer for all that speak of unfinished runs: o2x runs --unfinished, o2x
--- resume without a run, and what is said after a run.
---
--- A run is unfinished if it stopped after it had begun to write, and nobody has settled that since: by an undo, by a
--- later run of the same runbook, or by dismissing it. One that stopped before its first write left nothing to go on
--- with: a failed smoke test or diagnosis is a finding, a refused run is none.

local errors = require "o2x.base.error"

local M = {}

local STOPPED <const> = { failed = true, interrupted = true, crashed = true }
local CUT_OFF <const> = { interrupted = true, crashed = true }

--- Did a run stop before its end?
---@param status string
---@return boolean
function M.stopped(status) return STOPPED[status] or false end

-- Has anything settled it since?
local function is_settled(summary)
  return (summary.overtaken or summary.undone or summary.undoing or summary.dismissed) ~= nil
end

--- Is a run unfinished?
---@param summary table of Store:list
---@return boolean
function M.is(summary) return STOPPED[summary.status] ~= nil and summary.begun == true and not is_settled(summary) end

--- Was a run cut off before its first write? It can be started again, and o2x resume does that if it is the newest.
---@param summary table of Store:list
---@return boolean
function M.cut_off(summary) return CUT_OFF[summary.status] ~= nil and not summary.begun and not is_settled(summary) end

--- Marks the runs that a later run of the same runbook for the same tenant has overtaken: `overtaken` has its id. One
--- that wrote nothing overtakes only one that wrote nothing; a refused one overtakes none.
---@param list table[] summaries, oldest first
---@param is_undo fun(summary: table): boolean undos are not overtaken
function M.mark(list, is_undo)
  local any, counting = {}, {}
  for i = #list, 1, -1 do
    local s = list[i]
    if s.tenant and not is_undo(s) then
      local same = s.tenant .. " " .. s.runbook
      local stopped = STOPPED[s.status]
      local begun = not stopped or s.begun
      if stopped or s.status == "refused" then s.overtaken = (stopped and begun and counting or any)[same] end
      if s.status ~= "refused" then
        any[same] = any[same] or s.id
        if begun then counting[same] = counting[same] or s.id end
      end
    end
  end
end

local NOTHING <const> = "there is nothing to dismiss"

--- Refuses to dismiss what is not there to be dismissed.
---@param summary table of Store:list
function M.check_dismiss(summary)
  local id, status = summary.id, summary.status
  if status == "running" then
    errors.input(("%s is still running"):format(id), "interrupt it where it runs, with Ctrl-C; then dismiss it")
  end
  if status == "done" or status == "incomplete" then
    errors.input(("%s is done: %s"):format(id, NOTHING), ("o2x undo %s shows how to take it back"):format(id))
  end
  if status == "refused" then
    errors.input(("%s was refused and wrote nothing: %s"):format(id, NOTHING), "o2x runs --unfinished lists what is")
  end
  if summary.damaged then error(summary.damaged, 0) end
  if summary.undone then
    errors.input(("%s was undone by %s: %s"):format(id, summary.undone, NOTHING), "o2x runs --unfinished lists what is")
  end
  local dismissed = summary.dismissed
  if dismissed then
    errors.input(
      ("%s was dismissed already by %s, %s: %s"):format(id, dismissed.user, dismissed.at, dismissed.reason),
      ("o2x resume %s goes on with it all the same"):format(id)
    )
  end
end

return M
