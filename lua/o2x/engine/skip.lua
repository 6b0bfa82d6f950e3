--- A step that the operator has done by hand: o2x resume RUN --skip=STEP --reason=TEXT. The step's own reads prove it:
--- a plan of the step must find nothing to do, and its checks must hold. Then it counts as finished, with the result
--- that the plan has.

local ahead = require "o2x.engine.ahead"
local contract = require "o2x.engine.contract"
local errors = require "o2x.base.error"
local identity = require "o2x.base.identity"
local plain = require "o2x.base.plain"
local store = require "o2x.engine.store"
local suggest = require "o2x.base.suggest"
local undone = require "o2x.engine.undone"
local value = require "o2x.base.value"

local M = {}

local LONGEST_REASON <const> = 500 -- bytes

---@class o2x.skip
---@field path string of the step
---@field effects o2x.plan.effect[] what was found
---@field vouched table[] the history's entries of effects of which only the operator knows that they were done
---@field result any of the step, plain

-- ---- which step, and why ----

--- The path of a step by its path or its number, as `o2x show` lists it. A path may be that of a step that the run has
--- not come to.
---@param h table history
---@param word string
---@return string path
function M.step_of(h, word)
  local by_number = h.steps[tonumber(word)]
  local path = by_number and by_number.path or word
  for _, step in ipairs(h.steps) do
    local over = step.status == "done" or step.status == "skipped"
    if over and undone.is_within(path, step.path) then
      errors.input(
        ("%s is %s already: there is nothing to skip"):format(step.path, step.status),
        ("o2x resume %s goes on after it"):format(h.id)
      )
    end
  end
  return path
end

--- The reason, as it is recorded: one line that says something.
---@param text string?
---@param missing string? what to say where there is none
---@return string
function M.reason(text, missing)
  text = (text or ""):gsub("^%s+", ""):gsub("%s+$", "")
  if text == "" then
    errors.input(
      missing or "--skip needs --reason=TEXT: what was done by hand, and why",
      "the journal keeps it; o2x show shows it"
    )
  end
  if #text > LONGEST_REASON then errors.input(("--reason: longer than %d bytes"):format(LONGEST_REASON)) end
  if text:find "%c" or not utf8.len(text) then errors.input "--reason: must be one line of text" end
  return text
end

-- ---- is it done? ----

local PLAIN <const> = {
  sign = function(_, text) return text end,
  bold = function(text) return text end,
  dim = function(text) return text end,
}

local function refuse(run, path, why, details)
  errors.raise {
    kind = "refused",
    message = ("%s cannot be skipped: %s"):format(path, why),
    details = details,
    hint = ("nothing was recorded; o2x resume %s runs the step"):format(run.id),
  }
end

--- What is missing, as a plan shows it.
---@param part table a plan
---@return string[] lines
function M.lines_of(part)
  local lines = {}
  part:render(function(line)
    if line ~= "" then lines[#lines + 1] = line end
  end, PLAIN, false, "")
  return lines
end

-- The effects of which nobody but the operator knows: the run began them, and there is no way to ask.
local function in_doubt(run, path)
  local found = {}
  for _, entry in ipairs(run.gate:history().effects) do
    local open = entry.intent and not entry.result and not entry.dropped and entry.class == "unprovable"
    if open and undone.is_within(entry.path, path) then found[entry.kind .. "\0" .. entry.key] = entry end
  end
  return found
end

-- Takes what the operator vouches for out of what is missing.
local function vouch(run, path, part)
  local known, vouched = in_doubt(run, path), {}
  local function keep(list)
    for i = #list, 1, -1 do
      local entry = list[i].kind and known[list[i].kind .. "\0" .. list[i].key]
      if entry and list[i].outcome ~= "unchanged" then
        vouched[entry] = true
        table.remove(list, i)
      end
    end
  end
  keep(part.effects)
  keep(part.changes)
  local entries = {}
  for entry in pairs(vouched) do
    entries[#entries + 1] = entry
  end
  return entries
end

local function check_reached(run, seen, path)
  if seen.reached then
    if not seen.waits_for then return end
    return refuse(run, path, ("%s comes before it, and is not done"):format(seen.waits_for))
  end
  local problem = seen.part.problems[1] or seen.problem and { path = "", error = seen.problem }
  if problem then
    local where = problem.path ~= "" and problem.path .. ": " or ""
    return refuse(run, path, ("what comes before it cannot be planned: %s%s"):format(where, tostring(problem.error)))
  end
  errors.input(
    ("%s has no step %s%s"):format(run.id, path, suggest.did_you_mean(path, seen.steps)),
    ("it would go on with %s; o2x show %s lists its steps"):format(seen.steps[1] or "nothing", run.id)
  )
end

--- Proves by a step's own reads that it is done, or refuses with what is missing.
---@param run table with its past, or its journal
---@param path string
---@return o2x.skip
function M.prove(run, path)
  local seen = ahead.look(run, path)
  check_reached(run, seen, path)
  local part = seen.part
  local vouched = vouch(run, path, part)
  if not ahead.is_done(part) then
    local lines = M.lines_of(part)
    if #lines == 0 then lines[1] = "only a run can know whether there is something to do" end
    return refuse(run, path, "not everything is there", lines)
  end
  if value.has_unknown(seen.result) then
    return refuse(run, path, "its result is known only when it runs, and later steps may use it")
  end
  return { path = path, effects = part.effects, vouched = vouched, result = plain.of(seen.result, { ordered = true }) }
end

-- A write that failed and was then done by hand is not the run's: an undo leaves it alone.
local function drop_failed(run, path)
  for _, entry in ipairs(run.gate:history().effects) do
    local open = entry.intent and not entry.result and not entry.dropped and entry.outcome == "failed"
    if open and undone.is_within(entry.path, path) then
      run.gate:append({ t = "dropped", path = entry.path, effect = entry.id, at = store.now() }, true)
    end
  end
end

--- Records that a step is done by hand, and what was found of its effects.
---@param run table
---@param proved o2x.skip
---@param reason string
function M.record(run, proved, reason)
  for _, effect in ipairs(proved.effects) do
    run.gate:found(effect)
  end
  for _, entry in ipairs(proved.vouched) do
    run.gate:append({
      t = "result",
      path = entry.path,
      effect = entry.id,
      outcome = contract.outcome(entry.before, entry.desired),
      after = entry.desired,
      seconds = 0,
      at = store.now(),
    }, true)
  end
  drop_failed(run, proved.path)
  local user, host = identity.here()
  run.gate:append {
    t = "skip",
    path = proved.path,
    reason = reason,
    user = user,
    host = host,
    result = proved.result,
    at = store.now(),
  }
end

return M
