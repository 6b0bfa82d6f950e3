--- Plays one case: puts the lab back, lets a command run into what the case has for it, goes on as an operator would,
--- and compares the end with that of the undisturbed run.

local faults = require "o2x.prove.faults"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local operator = require "o2x.prove.operator"
local traces = require "o2x.prove.traces"
local verdict = require "o2x.prove.verdict"
local writes = require "o2x.prove.writes"

local M = {}

local after_kill <const>, follow <const>, hangs <const> = operator.after_kill, operator.follow, operator.hangs
local last_line <const> = verdict.error_line

--- What is wrong after a run that was disturbed.
---@param ground o2x.prove.Ground
---@param base table the undisturbed run: state, log, repaired
---@param result table of the last command
---@param options { no_log: boolean?, traces: table? }?
---@return string? problem
function M.judge(ground, base, result, options)
  options = options or {}
  if not result.clean then return "a child is still there" end
  local wrong, was_repaired = ground:compare(base.state, options.traces, base.repaired)
  if wrong then return wrong end
  wrong = not options.no_log and writes.twice(base.log, ground.lab:log(), was_repaired) or nil
  return wrong or ground:leftovers()
end

local judge <const> = M.judge

local function disturbed(ground, base, words, act)
  ground:fresh "start"
  local result = ground:o2x(words, act)
  if not result.signal then return nil end
  return result
end

local function killed_at(kind)
  return function(ground, base, case)
    local words = ground:run_words()
    local result = disturbed(ground, base, words, { kind = kind, label = case.label, nth = case.nth })
    if not result then return nil, "not reached" end
    local problem
    result, problem = follow(ground, words, result)
    return problem or judge(ground, base, result)
  end
end

local function twice(ground, base, case)
  local words = ground:run_words()
  local result = disturbed(ground, base, words, { kind = "kill", label = case.label, nth = case.nth })
  if not result then return nil, "not reached" end
  local problem
  -- A run may have ended before its last question is answered: there is nothing to resume then, nor to kill.
  local resumed = after_kill(ground, words)
  if resumed then
    words = resumed
    result = ground:o2x(words, { kind = "kill", nth = case.second })
  end
  result, problem = follow(ground, words, result)
  return problem or judge(ground, base, result)
end

-- Does the target still have the value that somebody else has given it?
local function overwritten(ground, said)
  local seen = ground:note "seen"
  local order = { kind = said.kind, key = said.key, tenant = ground.tenant, to = seen }
  local looked = ground:o2x({}, nil, { look = order })
  if looked.code ~= 0 then return nil, "cannot be looked at" end
  if json.read(fs.read(seen), "seen").value == said.value then return nil end
  return ("the foreign value of %s %s is overwritten"):format(said.kind, said.key)
end

-- The run stops, or leaves it: it never overwrites it unasked.
local function foreign(ground, base, case)
  local note, words = ground:note "foreign", ground:run_words()
  local result = disturbed(ground, base, words, { kind = "foreign", label = case.label, nth = case.nth, to = note })
  if not result then return nil, "not reached" end
  local said = json.read(fs.read(note), "foreign")
  if not said.value then return nil, "cannot be changed" end
  result = ground:o2x(after_kill(ground, words) or words)
  return hangs(result) or overwritten(ground, said)
end

-- Whether a second run leaves what the first has left. Else (a restore, which keeps one more database aside) it is
-- another thing to do, and its end not that of a corrected run.
local function repeats(ground, base)
  if base.repeats == nil then
    ground:fresh "end"
    ground:o2x(ground:run_words())
    base.repeats = ground:compare(base.state, base.repaired) == nil
  end
  return base.repeats
end

-- Killed, and then wanted otherwise: the end is that of a run that has wanted that from the start, or, once the first
-- value was written, of a second run.
local function correct(ground, base, case)
  local act = { kind = "correct", label = "before effect " .. case.target, nth = 1 }
  ground:fresh(case.label:find "^written" and repeats(ground, base) and "end" or "start")
  if ground:o2x(ground:run_words(), act).code ~= 0 then return nil, "the other value is refused" end
  local wanted = ground:picture("wanted", { "helm" })
  local touched = traces.touched(ground:unlike "start")
  if not disturbed(ground, base, ground:run_words(), { kind = "kill", label = case.label, nth = case.nth }) then
    return nil, "not reached"
  end
  local result = ground:o2x({ "resume", ground:runs()[1], "--edited" }, act)
  if hangs(result) then return hangs(result) end
  if result.code ~= 0 then return "the resume with another value fails: " .. last_line(result) end
  -- A second run has come by everything twice, and the resumed one once: that leaves its traces.
  local twice_written = case.label:find "^written"
    and {
      touched = touched,
      after = wanted.full,
      tenant = ground.tenant,
      both = true,
    }
  local options = { no_log = true, traces = twice_written or nil }
  return judge(ground, { state = wanted, log = base.log, secrets = base.secrets }, result, options)
end

-- What has the run's name in it is named alike in a plan.
local function line_of(kind, key, outcome)
  local name = key:gsub("R%-%d[%w-]+", "plan")
  return ("%s %s %s"):format(kind, name, outcome)
end

-- What a plan could not know may turn out to be there already.
local function is_open(after)
  if type(after) ~= "table" then return false end
  if after["$unknown"] then return true end
  for _, item in pairs(after) do
    if is_open(item) then return true end
  end
  return false
end

-- The changes of a run, and how often it came by what was there already.
local function changes_of(journal)
  local list, names, same = {}, {}, {}
  for line in journal:gmatch "[^\n]+" do
    local record = json.read(line:match "{.*}", "journal")
    if record.t == "intent" then
      names[record.effect] = record
    elseif record.t == "result" then
      local intent = names[record.effect]
      list[#list + 1] = line_of(intent.kind, intent.key, record.outcome)
    elseif record.t == "same" then
      local name = line_of(record.kind, record.key, "unchanged")
      same[name] = (same[name] or 0) + 1
    end
  end
  return list, same
end

local function plan(ground, base)
  ground:fresh "start"
  local result = ground:o2x { "plan", "--json", table.unpack(base.plan_words) }
  if hangs(result) then return hangs(result) end
  local wrong = ground:compare(base.start) or writes.first(ground.lab:log())
  if wrong then return wrong end
  if result.code ~= 0 then return nil, "cannot be planned" end
  local done, same = changes_of(base.journal)
  local list = {}
  for _, change in ipairs(json.read(result.stdout, "plan").changes) do
    local unchanged = line_of(change.kind, change.target, "unchanged")
    if is_open(change.after) and (same[unchanged] or 0) > 0 then
      same[unchanged] = same[unchanged] - 1
    else
      list[#list + 1] = line_of(change.kind, change.target, change.outcome)
    end
  end
  return verdict.line(verdict.counted_differences(list, done))
end

local function again(ground, base)
  ground:fresh("end", base.store)
  local result = ground:o2x { "run", "--json", table.unpack(ground.words) }
  if hangs(result) then return hangs(result) end
  if result.code ~= 0 then return "a second run fails: " .. last_line(result) end
  local wrong = writes.first(ground.lab:log())
  if wrong then return wrong end
  local totals = json.read(result.stdout, "run").totals
  for _, outcome in ipairs { "created", "changed", "deleted" } do
    if (totals[outcome] or 0) > 0 then return ("a second run: %d %s"):format(totals[outcome], outcome) end
  end
  return judge(ground, base, result, { no_log = true })
end

-- What cannot go back, as the undo itself says.
local function left_by(ground)
  local left = {}
  local id = ground:runs()[#ground:runs()]
  for line in (fs.read_if(fs.join(ground.state, id, "journal")) or ""):gmatch "[^\n]+" do
    local record = json.read(line:match "{.*}", "journal")
    if record.t == "left" then left[#left + 1] = { kind = record.kind, key = record.key } end
  end
  return left
end

local function undo_words(ground) return { "undo", ground:runs()[1], "--confirm=" .. ground.tenant } end

-- What was done is compared with the undisturbed undo only where the run was undisturbed.
local function without_log(base)
  return { start = base.start, state = base.state, touched = base.touched, secrets = base.secrets }
end

local function judge_undo(ground, base, result)
  return judge(ground, { state = base.start, log = base.undo_log or {}, secrets = base.secrets }, result, {
    no_log = not base.undo_log,
    traces = {
      touched = base.touched,
      after = base.state.full,
      left = left_by(ground),
      tenant = ground.tenant,
    },
  })
end

-- A run that is over, because it has taken back what it could and proposes its undo, leads back to the start.
local function taken_back(ground, base)
  local words = undo_words(ground)
  local result, problem = follow(ground, words, ground:o2x(words))
  return problem or judge_undo(ground, without_log(base), result)
end

local function fault(ground, base, case)
  ground:fresh "start"
  ground.lab:fault(faults.rule(case))
  local words = ground:run_words()
  local result = ground:o2x(words)
  local waiting = ground.lab:fault {}
  ground.lab:fault { service = case.service, kind = "off" }
  local problem, instead
  result, problem, instead = follow(ground, words, result)
  if instead and instead[1] == "undo" then return taken_back(ground, base) end
  problem = problem or judge(ground, base, result)
  return problem, not problem and waiting and waiting[1] and "not reached" or nil
end

local function undo(ground, base)
  if base.unchanged then return nil, "nothing to undo" end
  ground:fresh("end", base.store)
  local words = undo_words(ground)
  local result = ground:o2x(words)
  if result.code ~= 0 and result.code ~= 7 then return "the undo fails: " .. last_line(result) end
  local problem
  result, problem = follow(ground, words, result)
  return problem or judge_undo(ground, base, result)
end

local function killed_undo(ground, base, case)
  ground:fresh("end", base.store)
  local words = undo_words(ground)
  local result = ground:o2x(words, { kind = "kill", nth = case.number })
  if not result.signal then return nil, "not reached" end
  local problem
  result, problem = follow(ground, words, result)
  return problem or judge_undo(ground, base, result)
end

-- What a resumed run has done is taken back as that of an undisturbed one.
local function undo_resumed(ground, base, case)
  local words = ground:run_words()
  local result = disturbed(ground, base, words, { kind = "kill", label = case.label, nth = case.nth })
  if not result then return nil, "not reached" end
  local _, problem = follow(ground, words, result)
  if problem then return problem end
  words = undo_words(ground)
  result, problem = follow(ground, words, ground:o2x(words))
  return problem or judge_undo(ground, without_log(base), result)
end

-- Somebody changes what the undo is about to take back: it stops, or leaves it.
local function undo_foreign(ground, base, case)
  ground:fresh("end", base.store)
  local note = ground:note "foreign"
  local words = undo_words(ground)
  local result = ground:o2x(words, { kind = "foreign", label = case.label, nth = 1, to = note })
  if not result.signal then return nil, "not reached" end
  local said = json.read(fs.read(note), "foreign")
  if not said.value then return nil, "cannot be changed" end
  result = ground:o2x(after_kill(ground, words) or words)
  return hangs(result) or overwritten(ground, said)
end

local PLAY <const> = {
  plan = plan,
  again = again,
  kill = killed_at "kill",
  leave = killed_at "leave",
  power = killed_at "power",
  twice = twice,
  fault = fault,
  foreign = foreign,
  correct = correct,
  undo = undo,
  ["undo-kill"] = killed_undo,
  ["undo-resumed"] = undo_resumed,
  ["undo-foreign"] = undo_foreign,
}

--- Whether a secret has come out.
---@param ground o2x.prove.Ground
---@param base table
---@return string? problem
function M.leaks(ground, base)
  return verdict.leaks(base.secrets, ground:texts()) and "a secret is in a file or in the output" or nil
end

--- Plays a case.
---@param ground o2x.prove.Ground
---@param base table the undisturbed run: state, start, log, store, journal, secrets, plan_words, unchanged
---@param case table of cases.lua
---@return string? problem what differs, in a line
---@return string? skipped why there was nothing to play
function M.play(ground, base, case)
  ground.relayed = case.relayed
  local problem, skipped = PLAY[case.kind](ground, base, case)
  if problem or skipped then return problem, skipped end
  return M.leaks(ground, base)
end

return M
