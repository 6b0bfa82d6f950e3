--- Plays the cases of a group in one run (groups.lua).

local case = require "o2x.prove.case"
local faults = require "o2x.prove.faults"
local fs = require "o2x.base.fs"
local operator = require "o2x.prove.operator"

local M = {}

local function missed_of(cases, struck)
  local missed = {}
  for _, one in ipairs(cases) do
    if not struck[one] then missed[#missed + 1] = one end
  end
  return missed
end

local function judged(ground, base, result) return case.judge(ground, base, result) or case.leaks(ground, base) end

-- The points that are still to come. How often a name was passed counts over all processes of the run.
local function still_waiting(cases, struck, passed)
  local among = {}
  for _, one in ipairs(cases) do
    local nth = one.nth - (passed[one.label] or 0)
    if not struck[one] and nth > 0 then among[#among + 1] = { label = one.label, nth = nth } end
  end
  return among
end

-- Counts what a process has passed. -> the name of the last
local function count(passed, note)
  local last
  for label in (fs.read_if(note) or ""):gmatch "[^\n]+" do
    passed[label], last = (passed[label] or 0) + 1, label
  end
  return last
end

local function mark_struck(cases, struck, label, nth)
  for _, one in ipairs(cases) do
    if one.label == label and one.nth == nth then struck[one] = true end
  end
end

-- Killed at one of the points, resumed and killed at the next that it passes, until all were passed or it is done.
local function kills(ground, base, unit)
  local struck, passed, tries = {}, {}, 0
  ground:fresh "start"
  local words, result = ground:run_words(), nil
  while words do
    if tries > operator.TRIES then return operator.never_done(words, result), {} end
    local note, among = ground:note "passed", still_waiting(unit.cases, struck, passed)
    result = ground:o2x(words, among[1] and { kind = unit.kind, among = among, to = note } or nil)
    local label = count(passed, note)
    tries = result.signal and 0 or tries + 1
    if result.signal and label then mark_struck(unit.cases, struck, label, passed[label]) end
    local following, problem = operator.next(ground, words, result)
    if problem then return problem, {} end
    words = following
  end
  return judged(ground, base, result), missed_of(unit.cases, struck)
end

local function place_of(rule, kind) return ("%s\0%s\0%s"):format(rule.service, kind, rule.match) end

-- Whether a fault still waits for its request.
local function waiting_in(ground)
  local waiting = {}
  for _, rule in ipairs(ground.lab:fault {}) do
    waiting[place_of(rule, rule.kind)] = true
  end
  return function(one) return waiting[place_of(one, one.fault)] == true end
end

local function clear(ground, cases)
  for _, one in ipairs(cases) do
    ground.lab:fault { service = one.service, kind = "off" }
  end
end

-- A resumed run asks again what it has asked: only a request that was never asked is still the one that a case means.
local function keep_unasked(ground, cases, missed)
  local is_waiting, kept = waiting_in(ground), {}
  clear(ground, cases)
  for _, one in ipairs(cases) do
    local waits = is_waiting(one)
    if waits and one.nth == 1 then
      kept[#kept + 1] = one
      ground.lab:fault(faults.rule(one))
    elseif waits then
      missed[#missed + 1] = one
    end
  end
  return kept
end

-- Each of the requests goes wrong, in one run.
local function wrong_requests(ground, base, unit)
  ground:fresh "start"
  for _, one in ipairs(unit.cases) do
    ground.lab:fault(faults.rule(one))
  end
  local words, cases, missed, result, problem = ground:run_words(), unit.cases, {}, nil, nil
  for _ = 1, operator.TRIES + #unit.cases do
    result = ground:o2x(words)
    local following, instead
    following, problem, instead = operator.next(ground, words, result)
    if instead and instead[1] == "undo" then
      clear(ground, unit.cases)
      return nil, unit.cases -- each alone: then that is judged as well
    end
    if not following then break end
    words, cases = following, keep_unasked(ground, cases, missed)
  end
  local is_waiting = waiting_in(ground)
  for _, one in ipairs(cases) do
    if is_waiting(one) then missed[#missed + 1] = one end
  end
  clear(ground, unit.cases)
  problem = problem or not operator.is_done(result) and operator.never_done(words, result)
  return problem or judged(ground, base, result), missed
end

--- Plays them.
---@param ground o2x.prove.Ground
---@param base table the undisturbed run
---@param unit o2x.prove.Unit
---@return string? problem what is wrong, with one of them or more
---@return table[] missed cases that the run did not come by
function M.play(ground, base, unit)
  ground.relayed = unit.cases[1].relayed
  return (unit.kind == "fault" and wrong_requests or kills)(ground, base, unit)
end

return M
