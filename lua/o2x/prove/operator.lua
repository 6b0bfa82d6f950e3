--- What an operator types after a command of a case: what follows `next:`, or o2x resume, until the run is done.

local fs = require "o2x.base.fs"
local verdict = require "o2x.prove.verdict"

local M = {}

--- Commands until a run that was disturbed once must be done.
M.TRIES = 6

-- The words of the command that a failed run proposes.
local function proposed(result)
  local command = result.stderr:match "next: %S*o2x ([^\n]*)"
  if not command then return nil end
  local words = {}
  command = command:gsub("'([^']*)'", function(quoted) return (quoted:gsub(" ", "\0")) end)
  for word in command:gmatch "[^ ]+" do
    words[#words + 1] = (word:gsub("%z", " "):gsub("\\'", "'"))
  end
  return words
end

local function has_ended(ground, id)
  local text = fs.read_if(fs.join(ground.state, id, "journal")) or ""
  return text:find('"t":"end"', 1, true) ~= nil
end

--- What is typed after a command that was killed.
---@param ground o2x.prove.Ground
---@param words string[]
---@return string[]? words nil: it was over
function M.after_kill(ground, words)
  local runs = ground:runs()
  if words[1] == "undo" and #runs < 2 or #runs == 0 then return words end
  return not has_ended(ground, runs[#runs]) and { "resume", runs[#runs] } or nil
end

--- A command that had to be ended.
---@param result table
---@return string? problem
function M.hangs(result) return result.late and "it hangs" or nil end

-- Commands by which a run goes on. What else is proposed (o2x show, o2x undo, which shows its plan) ends well, and the
-- run is not done all the same.
local GOES_ON <const> = { run = true, resume = true, apply = true }

local function goes_on(words, before) return GOES_ON[words[1]] or words[1] == "undo" and before[1] == "undo" end

-- Exit codes of a command that is done: with nothing more to say, with findings, with what an undo cannot take back.
-- What a fault made a diagnosis find is no failure.
local DONE <const> = { [0] = true, [2] = true, [7] = true }

--- Is a run done that this command began or went on with?
---@param result table of it
---@return boolean
function M.is_done(result) return DONE[result.code] == true end

--- The command after one that has ended.
---@param ground o2x.prove.Ground
---@param words string[] of the one that has ended
---@param result table of it
---@return string[]? words nil: the run is over, or there is a problem
---@return string? problem
---@return string[]? instead what is proposed, by which the run does not go on
function M.next(ground, words, result)
  if M.hangs(result) then return nil, M.hangs(result) end
  if M.is_done(result) then return nil end
  if result.signal then return M.after_kill(ground, words) end
  local following = proposed(result) or words
  if goes_on(following, words) then return following end
  local command = table.concat(following, " ")
  return nil, ("not done, and o2x %s is proposed: %s"):format(command, verdict.error_line(result)), following
end

--- What is wrong with a run that is not done after all tries.
---@param words string[] of the last command
---@param result table of it
---@return string problem
function M.never_done(words, result)
  local command = table.concat(words, " ")
  return ("not done after %d commands; o2x %s says: %s"):format(M.TRIES, command, verdict.error_line(result))
end

--- Goes on until it is done.
---@param ground o2x.prove.Ground
---@param words string[] of the command that has ended
---@param result table of it
---@return table result of the last one
---@return string? problem
---@return string[]? instead what is proposed, by which the run does not go on
function M.follow(ground, words, result)
  for _ = 1, M.TRIES do
    local following, problem, instead = M.next(ground, words, result)
    if not following then return result, problem, instead end
    words = following
    result = ground:o2x(words)
  end
  return result, M.never_done(words, result)
end

return M
