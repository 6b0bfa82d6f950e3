--- Proves a runbook: plays every case of its undisturbed run, on all grounds at the same time.

local base = require "o2x.prove.base"
local case = require "o2x.prove.case"
local cases = require "o2x.prove.cases"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local ground = require "o2x.prove.ground"
local task = require "o2x.base.task"

local M = {}

---@class o2x.prove.options
---@field words string[] of the run: runbook, tenant, params, options
---@field after string[][] commands that come first
---@field servers o2x.prove.Server[] prepared processes
---@field start_lab fun(): table a lab of ground.lua
---@field choose table of cases.choose
---@field twice integer how many killed resumes and undos
---@field on_case fun(result: table)? hears of each case that was played

-- The next case of the list, one after the other.
local function queue(list)
  local at = 0
  return function()
    at = at + 1
    return list[at]
  end
end

local function play_all(field, of, next_case, tell)
  for one in next_case do
    local start = field.cpu
    local ok, problem, skipped = xpcall(case.play, errors.handler, field, of, one)
    if not ok then
      if errors.wrap(problem).kind == "cancelled" then error(problem, 0) end
      problem = "the case cannot be played: " .. tostring(problem)
    end
    tell { case = one, problem = problem, skipped = skipped, cpu = field.cpu - start }
  end
end

--- Proves.
---@param options o2x.prove.options
---@return table result cases, same, counts: kind → { played, failed, skipped }, failures, seconds, cpu, commands
function M.run(options)
  local result = { counts = {}, failures = {}, cpu = 0, commands = 0 }
  for _, kind in ipairs(cases.KINDS) do
    result.counts[kind[1]] = { played = 0, failed = 0, skipped = 0 }
  end
  local next_case, start
  local function tell(one)
    local count = result.counts[one.case.kind]
    count.played = count.played + (one.skipped and 0 or 1)
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
    if not next_case then
      local list
      list, result.same = cases.of(of, options.twice)
      result.points, result.all = #of.points, #list
      list = cases.choose(list, of.points, options.choose)
      result.cases = #list
      next_case, start = queue(list), task.now()
      field.cpu, field.commands = 0, 0
    end
    play_all(field, of, next_case, tell)
    result.cpu, result.commands = result.cpu + field.cpu, result.commands + field.commands
  end)
  result.seconds = task.now() - start
  return result
end

return M
