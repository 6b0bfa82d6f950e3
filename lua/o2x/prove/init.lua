--- Proves a runbook: plays every case of its undisturbed run, on all grounds at the same time.

local base = require "o2x.prove.base"
local case = require "o2x.prove.case"
local cases = require "o2x.prove.cases"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local ground = require "o2x.prove.ground"
local groups = require "o2x.prove.groups"
local task = require "o2x.base.task"
local together = require "o2x.prove.together"

local M = {}

---@class o2x.prove.options
---@field words string[] of the run: runbook, tenant, params, options
---@field after string[][] commands that come first
---@field servers o2x.prove.Server[] prepared processes
---@field start_lab fun(): table a lab of ground.lua
---@field choose table of cases.choose
---@field alone boolean? whether each case is played by itself
---@field on_case fun(result: table)? hears of each case that was played

-- What is to be played, one after the other; what is added comes next.
local function queue(list)
  local at = 0
  local function add(units)
    table.move(list, at + 1, #list, at + 1 + #units)
    table.move(units, 1, #units, at + 1, list)
  end
  local function take()
    at = at + 1
    return list[at]
  end
  return take, add
end

-- Plays, whatever happens. -> problem, what play has besides
local function attempt(play, ...)
  local ok, problem, more = xpcall(play, errors.handler, ...)
  if ok then return problem, more end
  if errors.wrap(problem).kind == "cancelled" then error(problem, 0) end
  return "the case cannot be played: " .. tostring(problem), nil
end

-- A group of which no part fails has failed itself.
local function settle(unit, failed, tell)
  for _, whole in ipairs(groups.played(unit, failed)) do
    tell { case = whole.cases[1], together = whole.cases, problem = whole.problem, again = true }
  end
end

local function play_group(field, of, unit, add, tell)
  local problem, missed = attempt(together.play, field, of, unit)
  if problem then return add(groups.split(unit, problem)) end
  local is_missed = {}
  for _, one in ipairs(missed) do
    is_missed[one] = true
  end
  for _, one in ipairs(unit.cases) do
    if not is_missed[one] then tell { case = one } end
  end
  add(groups.again(unit, missed))
  settle(unit, false, tell)
end

local function play_all(field, of, take, add, tell)
  for unit in take do
    if #unit.cases > 1 then
      play_group(field, of, unit, add, tell)
    else
      local problem, skipped = attempt(case.play, field, of, unit.cases[1])
      tell { case = unit.cases[1], problem = problem, skipped = skipped }
      settle(unit, problem ~= nil, tell)
    end
  end
end

local function add_cover(counts, cover)
  for kind, of in pairs(cover) do
    for name, value in pairs(of) do
      counts[kind][name] = value
    end
  end
end

--- Proves.
---@param options o2x.prove.options
---@return table result all, cases: all there are, and how many were chosen; same; counts: kind → { played, failed,
---  skipped, all, classes, covered, least }, as of classes.cover; failures, seconds, cpu, commands
function M.run(options)
  local result = { counts = {}, failures = {}, cpu = 0, commands = 0 }
  for _, kind in ipairs(cases.KINDS) do
    result.counts[kind[1]] = { played = 0, failed = 0, skipped = 0, all = 0, classes = 0, covered = 0 }
  end
  local take, add, start
  local function tell(one)
    local count = result.counts[one.case.kind]
    count.played = count.played + ((one.skipped or one.again) and 0 or 1)
    count.skipped = count.skipped + (one.skipped and 1 or 0)
    if one.problem then
      count.failed = count.failed + 1
      table.insert(result.failures, one)
    end
    if options.on_case then options.on_case(one, result) end
  end
  task.each(options.servers, function(server, i)
    local field = ground.new(options.start_lab(i), server, options.words)
    local _close <close> = defer(function() field:close() end)
    local of = base.play(field, options.after)
    if not take then
      local list
      list, result.same = cases.of(of)
      result.points, result.all = #of.points, #list
      local cover
      list, cover = cases.choose(list, of.points, options.choose)
      add_cover(result.counts, cover)
      result.cases = #list
      take, add = queue(groups.of(list, options.alone and "alone" or options.choose.only and "together" or nil))
      start = task.now()
    end
    local used, commands = field:used(), field.commands
    play_all(field, of, take, add, tell)
    result.cpu, result.commands = result.cpu + field:used() - used, result.commands + field.commands - commands
  end)
  result.seconds = task.now() - start
  return result
end

return M
