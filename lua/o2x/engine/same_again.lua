--- Will a run that stopped fail again in the same way? Then it says so, and what has to be done before it goes on. A
--- system may answer otherwise the next time; a script, its parameters and what it asserts stay as they are until
--- somebody edits them.

local errors = require "o2x.base.error"
local value = require "o2x.base.value"

local M = {}

-- The script's line in an error that Lua itself or error() raised there.
local function line_of_script(run, err)
  local path, line = tostring(err):match "^([^\n:]+%.lua):(%d+): "
  if path and run.sandbox and run.sandbox.texts[path] then return path .. ":" .. line end
end

--- Where the script itself is what failed: an error of Lua, an assertion.
---@param run table
---@param err table
---@return string? "runbooks/deploy.lua:12"
function M.script(run, err) return err.kind == "bug" and line_of_script(run, err) or nil end

--- Says in a plan that it is the script that has to be edited: a run says so by its last lines.
---@param run table
---@param err table
function M.blame(run, err)
  local line = M.script(run, err)
  if line and not err.hint then errors.amend(err, { hint = ("the script fails there: edit %s"):format(line) }) end
end

--- What the journal keeps of an error.
---@param run table
---@param err table
---@return table
function M.problem(run, err)
  local hint = err.hint and value.text(err.hint)
  return { kind = err.kind, message = value.text(err), hint = hint, script = M.script(run, err) }
end

-- Did the attempt before fail with the same words?
local function as_before(run, err)
  local past = run.past and run.past.history.error
  return past ~= nil and past.message == value.text(err)
end

-- Is it what the script made of steps that are all done? Their results are kept, so it says the same for ever. What a
-- step or a check asked it asks again, and gets another answer once somebody has mended it.
local function is_verdict(run, err)
  local path = tostring(err.line or err.where or ""):match "^([^\n:]+%.lua):%d+"
  return not (err.step or err.check) and path ~= nil and run.sandbox ~= nil and run.sandbox.texts[path] ~= nil
end

--- What to say of a run that failed: why it would fail again.
---@param run table
---@param err table
---@return string? text one line
---@return boolean? edited it goes on with the edited scripts only
---@return boolean? stuck it did nothing new: going on leads nowhere
function M.why(run, err)
  local line = M.script(run, err)
  if line then return ("the script failed, and fails there again as it is: edit %s first"):format(line), true end
  if err.kind == "input" or err.kind == "refused" then
    return "this is refused again until it is corrected; what cannot be: take the run back, or dismiss it"
  end
  if as_before(run, err) then
    local stuck = not run.gate.wrote and is_verdict(run, err)
    return "it failed in the same way before; as long as its cause is there, it fails again", false, stuck
  end
end

--- A runbook that has put everything back itself says by its hint how it is started again: nothing is left to resume.
---@param err table
---@return string? command
function M.start_again(err)
  local hint = err and err.hint and value.text(err.hint)
  return hint and hint:match "start again: (o2x run .+)$" or nil
end

--- What to say when a run is continued that failed by its script.
---@param past table the run's history, before it goes on
---@param edited string[] scripts that were edited since it started
---@param uses_edited boolean
---@return string? text one line
function M.warning(past, edited, uses_edited)
  local script = past.error and past.error.script
  if not script then return nil end
  if not uses_edited then
    return ("it failed at %s, and goes on with the same script: after an edit, o2x resume %s --edited"):format(
      script,
      past.id
    )
  end
  if #edited > 0 then return nil end
  return ("it failed at %s, and no script was edited since: it fails there again"):format(script)
end

return M
