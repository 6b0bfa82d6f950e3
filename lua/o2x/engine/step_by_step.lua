--- o2x run --step-by-step: before each outermost step the operator sees what it would change now, and says what to do.
--- What is done at the same time is one question. What would change nothing is done without one.

local ahead = require "o2x.engine.ahead"
local errors = require "o2x.base.error"
local hooks = require "o2x.script.hooks"
local input = require "o2x.base.input"
local json = require "o2x.base.json"
local limits = require "o2x.base.limits"
local out = require "o2x.report.out"
local plain = require "o2x.base.plain"
local sink = require "o2x.base.sink"
local skip = require "o2x.engine.skip"
local tty = require "o2x.core.tty"
local unit = require "o2x.script.unit"

local M = {}

local QUESTION <const> = "[y]es [s]kip [q]uit [a]ll the rest [?]"

local HELP <const> = {
  "y  yes: do it",
  "s  skip it: it is done by hand",
  "q  quit: o2x resume goes on later",
  "a  all: do it and all the rest",
  "f  full: show every line of it",
}

-- The question is for a person, so --quiet does not count.
local function write(text) sink.line("stderr", text) end

--- Refuses to ask where nobody can answer.
---@param several boolean for several tenants?
function M.check(several)
  if several then errors.input("--step-by-step is for the run of one tenant", "leave it out, or name one tenant") end
  if tty.is(0) and tty.is(2) then return end
  errors.input("--step-by-step asks at a terminal, and this is none", "leave it out: then nothing is asked")
end

local function title_of(name, seen)
  if type(name) == "string" then return name end
  return #seen.members > 0 and table.concat(seen.members, ", ") or "what is in no step"
end

local function show(name, seen, title, full)
  local style = out.style(2)
  write("")
  write(style.bold(title) .. (type(name) == "string" and "" or style.dim "  (at the same time)"))
  if not seen.reached then
    local problem = seen.part.problems[1]
    local text = problem and tostring(problem.error) or seen.problem and tostring(seen.problem) or "no plan comes to it"
    return write(style.sign("~", "  ! what it would change is not known: " .. text))
  end
  seen.part:render(function(line)
    if line ~= "" then write(line) end
  end, style, full, " (f shows them)")
end

local function ask()
  write(QUESTION)
  local answer = input.line(limits.get "run")
  return answer and answer:match("^%s*(.-)%s*$"):lower()
end

-- The person has gone away: the run stands where it is.
local function quit(title) errors.raise { kind = "cancelled", final = true, message = "stopped before " .. title } end

-- -> was it skipped? and the step's result
local function skip_step(run, name)
  if type(name) ~= "string" or run.undo then
    write(
      run.undo and "an undo has no steps to skip" or ("not together: q, then o2x resume %s --skip=STEP"):format(run.id)
    )
    return false
  end
  write "What was done by hand, and why?"
  local reason = input.line(limits.get "run")
  if not reason then quit(name) end
  if not reason:find "%S" then
    write "not skipped: the journal keeps the reason, and there was none"
    return false
  end
  local ok, result = xpcall(function()
    reason = skip.reason(reason)
    local proved = skip.prove(run, name)
    skip.record(run, proved, reason)
    return plain.revive(proved.result)
  end, errors.handler)
  if ok then
    run.report:step_recalled(name, reason)
    return true, result
  end
  local err = errors.wrap(result)
  if err.kind == "cancelled" or err.final then error(err, 0) end
  out.problem(errors.amend(err, { hint = false }))
  return false
end

-- What was found in the systems, as text: the operator says yes to a change of that.
local function found_in(seen)
  local list = json.array {}
  for i, effect in ipairs(seen.part.effects) do
    local ok, before = pcall(plain.of, effect.before, { ordered = true })
    list[i] = { effect.kind, effect.key, effect.outcome, ok and before or false }
  end
  return json.encode(list)
end

-- Somebody may have changed a system while the operator was thinking. -> what to do now, if it is something else
-- and not nothing
local function moved(run, name, seen)
  local now = ahead.look(run, name)
  if not seen.reached or not now.reached or found_in(seen) == found_in(now) then return nil end
  return not ahead.is_done(now.part) and now or nil
end

local function decide(run, name, seen, perform, ...)
  local title = title_of(name, seen)
  show(name, seen, title)
  while true do
    local answer = ask()
    if answer == nil or answer == "q" or answer == "quit" then quit(title) end
    local all = answer == "a" or answer == "all"
    if all or answer == "y" or answer == "yes" then
      local now = moved(run, name, seen)
      if not now then
        if all then run.watch = nil end
        return perform(...)
      end
      seen = now
      show(name, seen, title)
      write "something was changed while you were asked: this is what would be done now"
    elseif answer == "s" or answer == "skip" then
      local skipped, result = skip_step(run, name)
      if skipped then return result end
    elseif answer == "f" or answer == "full" then
      show(name, seen, title, true)
    else
      for _, line in ipairs(HELP) do
        write(line)
      end
    end
  end
end

--- Lets a run ask before each of its outermost steps.
---@param run table
function M.begin(run)
  run.watch = function(name, perform, ...)
    if not unit.is_outermost(name) or hooks.is_hook(name) then return perform(...) end
    local seen = ahead.look(run, name)
    if seen.reached and ahead.is_done(seen.part) then
      local is_empty = type(name) ~= "string" and #seen.members == 0
      if not is_empty then write(("%s: nothing to change"):format(title_of(name, seen))) end
      return perform(...)
    end
    return decide(run, name, seen, perform, ...)
  end
end

return M
