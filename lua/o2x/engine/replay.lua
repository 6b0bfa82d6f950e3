--- Replays a capsule: runs its scripts again, with the recorded answers in place of every system (player.lua). There is
--- no client and no gate that could be reached, and nothing is written outside of the folder that the caller gives.
---
--- A run that was resumed has several attempts, which are replayed one after the other. Each begins as it did: with
--- what the journal knew by then. What is compared: each call of an api with all that is given to it, the results of
--- steps, the checks, and how the run ended.

local context = require "o2x.engine.context"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local fs = require "o2x.base.fs"
local gate = require "o2x.engine.gate"
local history = require "o2x.engine.history"
local hooks = require "o2x.script.hooks"
local mask = require "o2x.base.mask"
local memory = require "o2x.engine.memory"
local params = require "o2x.project.params"
local player = require "o2x.engine.player"
local replay_undo = require "o2x.engine.replay_undo"
local replay_steps = require "o2x.engine.replay_steps"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"
local snapshot = require "o2x.base.snapshot"
local stand_ins = require "o2x.engine.stand_ins"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

local TICK <const>, QUIET <const> = 0.002, 5 -- seconds between two looks; looks at which nothing has moved
local STUCK <const> = 15000 -- looks at which nothing has moved though no call waits

---@class o2x.replay.attempt
---@field answers table[]
---@field before table[] the records of earlier attempts
---@field skips table[] the records of steps that the operator did by hand
---@field world table? what its scripts knew; nil: it ended before they began
---@field steps table<string, boolean>
---@field done table<string, { result: any }>
---@field failed table<string, string>
---@field checks table<string, table>
---@field order table[] what was done and asked, in order: key, path, name of a step or a check; begun: path of a step;
---  answer, lane; cut: the end of a branch that was cancelled, or of a limit of time
---@field left table<string, string> of an undo: why something stays, by its kind and key
---@field ending table? nil: it was killed

-- ---- the record ----

local function unusable(why, hint)
  errors.raise { kind = "failed", code = "capsule", message = "this capsule cannot be replayed: " .. why, hint = hint }
end

local function new_attempt(before)
  return {
    answers = {},
    before = before,
    steps = {},
    done = {},
    failed = {},
    checks = {},
    left = {},
    sources = {},
    skips = {},
    order = {},
  }
end

local function note(attempt, key, record)
  table.insert(attempt.order, { key = key, path = mask.shown(record.path), name = mask.shown(record.name) })
end

-- By record type: adds a record to its attempt.
local TAKE <const> = {
  answer = function(attempt, record)
    local whole = type(record.call) == "string" and type(record.given) == "table"
    if not whole and not record.lost then unusable "an answer does not say what was asked" end
    record.given = whole and record.given or {}
    table.insert(attempt.answers, record)
    local lane = mask.shown(record.lane) or ""
    local is_cut = record.cancelled or record.over or record.raised ~= nil and lane ~= ""
    table.insert(attempt.order, { answer = #attempt.answers, lane = lane, cut = is_cut })
  end,
  world = function(attempt, record)
    if type(record.facts) ~= "table" then unusable "it does not say what is known" end
    attempt.world = record
  end,
  source = function(attempt, record) attempt.sources[tostring(record.path)] = record.text end,
  skip = function(attempt, record) table.insert(attempt.skips, record) end,
  step = function(attempt, record)
    attempt.steps[mask.shown(record.path)] = true
    table.insert(attempt.order, { begun = mask.shown(record.path) })
  end,
  done = function(attempt, record)
    attempt.done[mask.shown(record.path)] = record
    note(attempt, mask.shown(record.path), record)
  end,
  fail = function(attempt, record)
    if record.kind == "cancelled" then return table.insert(attempt.order, { cut = true }) end
    attempt.failed[mask.shown(record.path)] = mask.shown(record.message) or ""
  end,
  check = function(attempt, record)
    attempt.checks[replay_steps.check_key(record)] = record
    note(attempt, replay_steps.check_key(record), record)
  end,
  left = function(attempt, record) attempt.left[replay_steps.left_key(record)] = record.why end,
  ["end"] = function(attempt, record) attempt.ending = record end,
}

-- What these records are about: without it they say nothing.
local OF_STEP <const> = { step = true, done = true, fail = true, check = true, skip = true }

local function check_path(record)
  if type(mask.shown(record.path)) == "string" then return end
  unusable(("a record of its journal (%s) does not say which step it is of"):format(record.t))
end

--- The attempts of a run.
---@param records table[] of its journal
---@return o2x.replay.attempt[]
function M.attempts(records)
  local attempts, before = { new_attempt {} }, {}
  for _, record in ipairs(records) do
    if record.t == "resume" then attempts[#attempts + 1] = new_attempt(table.move(before, 1, #before, 1, {})) end
    local take = TAKE[record.t]
    if OF_STEP[record.t] then check_path(record) end
    if take then take(attempts[#attempts], record) end
    if record.t ~= "answer" and record.t ~= "world" then before[#before + 1] = record end
  end
  return attempts
end

-- ---- a run that can reach nothing ----

-- The tenant as scripts see it: what the record knows, with stand-ins for its secrets. Its id may be set once.
local function tenant_of(this, attempt, grants_of)
  local facts = this.stand_ins:revive(attempt.world.facts)
  facts.secrets = this.stand_ins:revive(attempt.world.hidden) -- nil: there was no source of secrets
  local scope = grants_of(facts)
  local function assign(name, id)
    if name == "id" and facts.id == id and id ~= nil then return end
    if name ~= "id" or facts.id then
      local text = name == "id" and "tenant.id is already set to " .. tostring(facts.id)
        or ("tenant.%s is read-only"):format(tostring(name))
      errors.raise { kind = "refused", message = text }
    end
    facts.id = id
    for key, item in next, grants_of(facts) do
      scope[key] = item
    end
  end
  return frozen.new(facts, nil, assign), scope
end

local function listener(this)
  return setmetatable({
    message = function(_, path, level, text) this.on("message", { path = path, level = level, text = text }) end,
    counts = {},
  }, {
    __index = function()
      return function() end
    end,
  })
end

-- Where stdlib was when the run did not have its own: the installed program's.
local function shared_folder(sources)
  for path in pairs(sources) do
    local folder = path:match "^(/.*)/stdlib/platform%.lua$"
    if folder then return folder end
  end
end

local function kept_by(this, attempt)
  local shared = shared_folder(this.capsule.sources)
  return function(shown)
    local edited = attempt.sources[shown]
    if type(edited) == "string" then return edited end
    return this.capsule.sources[shown] or shared and this.capsule.sources[shared .. "/" .. shown]
  end
end

local function runbook_file(this, project)
  local path = this.header.runbook.path
  if path:sub(1, 1) ~= "/" then
    local file = fs.join(project.root, path)
    if project == this.project and not fs.exists(file) then errors.input("there is no such runbook", nil, path) end
    return file
  end
  if project == this.project then unusable(("its runbook %s was in no project"):format(path)) end
  return path
end

-- Is it the attempt for which the scripts of another project are tried? Not one before a correction (resume --edited):
-- whatever the scripts became, it did what its own say.
local function is_tried(this, attempt)
  local is_last = this.project and value.equal(attempt.sources, this.last.sources)
  return is_last or false
end

-- What the run knew of its earlier attempts.
local function past_of(attempt)
  local known = table.move(attempt.skips, 1, #attempt.skips, #attempt.before + 1, attempt.before)
  return known[1] and memory.new(history.of(known)) or nil
end

-- What a replay has in place of preparation.run.
local function prepare(this, attempt, tape)
  local journal = replay_steps.new(attempt, tape, this.stand_ins, this.on)
  if this.capsule.undoes then
    local own, records = this.header, this.capsule.undoes
    return replay_undo.prepare(own, records, attempt.world.facts, {
      report = listener(this),
      tape = tape,
      journal = journal,
      past = past_of(attempt),
    })
  end
  local project = is_tried(this, attempt) and this.project
    or { root = this.folder, runbooks = fs.join(this.folder, "runbooks"), stdlib = fs.join(this.folder, "stdlib") }
  local run = {
    mode = "apply",
    id = this.header.id,
    project = project,
    config = { platform = this.folder, state = this.folder, limits = {}, retry = {} },
    report = listener(this),
    given = this.header.params,
    tenant_name = this.header.tenant,
    seed = this.header.seed,
    seen_steps = {},
    now = function() return "" end,
    identity = { this.header.user, this.header.host },
    tape = tape,
    client = function() errors.raise { kind = "bug", message = "a replay contacts no system" } end,
  }
  run.sandbox = sandbox.new(project, run.seed, project ~= this.project and kept_by(this, attempt) or nil)
  run.platform_sandbox = run.sandbox:apart()
  run.platform = run.platform_sandbox:require "stdlib.platform"
  run.runbook = runbooks.load(run.sandbox, runbook_file(this, project))
  run.hooks = hooks.load(run.sandbox)
  run.declared = {}
  for _, word in ipairs(run.runbook.effects) do
    run.declared[word] = true
  end
  run.params = frozen.new(params.check(run.runbook.params, run.given, run.runbook.name))
  run.tenant, run.scope = tenant_of(this, attempt, function(facts)
    local grants = run.platform.grants(snapshot.take(facts, "the tenant"))
    return snapshot.take(grants, "stdlib/platform.lua: grants")
  end)
  run.gate, run.ctx = gate.new(run), context.new(run)
  run.ctx.run_id = run.id
  run.sandbox.run, run.platform_sandbox.run = run, run
  run.journal, run.past = journal, past_of(attempt)
  return run
end

-- As run.lua does, without the systems.
local function perform(run)
  hooks.before(run)
  local ok, err = xpcall(run.runbook.run, errors.handler, run.tenant, run.params)
  hooks.after(run, ok and "done" or "failed", not ok and errors.wrap(err) or nil)
  if not ok then error(err, 0) end
end

-- ---- one attempt ----

-- Runs the scripts to their end, or to where nothing moves any more.
local function play(run, tape)
  local handle = task.spawn(perform, run)
  local moves, quiet = -1, 0
  while not handle:done() do
    task.sleep(TICK) -- a timer: the host must not take it for a deadlock
    quiet, moves = tape.moves == moves and quiet + 1 or 0, tape.moves
    local is_still = quiet >= QUIET and not handle:done()
    local is_ended = is_still and not tape:skip() and (tape.parked[1] or quiet > STUCK)
    if is_still then quiet = is_ended and quiet or (tape.parked[1] or next(tape.waiting)) and 0 or quiet end
    if is_ended then
      handle:cancel()
      handle:wait(nil, true)
      return nil
    end
  end
  local good, err = handle:outcome()
  return true, not good and errors.wrap(err) or nil
end

local function ending_text(ending)
  if not ending then return "killed" end
  local message = type(ending.error) == "table" and mask.shown(ending.error.message)
  return tostring(ending.status) .. (message and ": " .. message or "")
end

-- The replay stopped where the record has no answer. Is that where the run stopped?
local function stopped(attempt, tape)
  local missing
  for _, call in ipairs(tape.parked) do
    if not call.is_missing then return nil end -- it was cancelled there
    missing = missing or call
  end
  local ending = attempt.ending
  if not missing or not ending or ending.status == "interrupted" then return nil end
  return { step = missing.step, recorded = "nothing more: " .. ending_text(ending), came = missing.call }
end

local function compare_end(attempt, err)
  local ending = attempt.ending
  if not ending or ending.status == "interrupted" then return nil end
  local recorded = type(ending.error) == "table" and tostring(mask.shown(ending.error.message)) or nil
  local came = err and value.text(err) or nil
  if
    recorded and came and replay_steps.without_place(recorded) == replay_steps.without_place(came)
    or not recorded and not came
  then
    return nil
  end
  return { step = err and err.step or "", recorded = ending_text(ending), came = came and "failed: " .. came or "done" }
end

local function verdict(attempt, tape, journal, ended, err)
  if tape.divergence or tape.lost then return tape.divergence end
  if not ended then
    local found = stopped(attempt, tape)
    if found then return found end
  end
  local left = tape:left_over()
  if left then
    return {
      step = tostring(mask.shown(left.path) or ""),
      recorded = player.text(left.call, left.given),
      came = err and "failed: " .. value.text(err) or "nothing",
    }
  end
  return ended and compare_end(attempt, err) or journal:missing()
end

local function replay(this, attempt)
  local tape = player.new(attempt.answers, this.stand_ins, function(answer) this.on("answer", answer) end)
  local ok, run = xpcall(prepare, errors.handler, this, attempt, tape)
  if not ok then
    if not is_tried(this, attempt) or run.kind == "bug" or run.code == "capsule" then error(run, 0) end
    return { step = "", recorded = "the scripts start", came = tostring(run) }
  end
  local ended, err = play(run, tape)
  this.answers = this.answers + tape.next - 1
  this.lost = this.lost or tape.lost
  return verdict(attempt, tape, run.journal, ended, err)
end

---@class o2x.replay.options
---@field folder string a temporary one
---@field project table? whose scripts to run; else those of the capsule
---@field on (fun(what: string, record: table))? is told what happens: "attempt", "skip", "step", "done", "fail",
---  "check", "answer", "message"

--- Replays a capsule.
---@param capsule table of capsule.read
---@param options o2x.replay.options
---@return { attempts: integer, answers: integer, divergence: o2x.divergence?, attempt: integer?, lost: string?,
---  corrected: boolean? } result  lost: why the end of the record could not be replayed; corrected: attempts before a
---  correction were replayed with their own scripts
function M.perform(capsule, options)
  local this = {
    capsule = capsule,
    header = capsule.records[1],
    folder = options.folder,
    project = options.project,
    on = options.on or function() end,
    answers = 0,
  }
  local attempts, played = M.attempts(capsule.records), 0
  for _, attempt in ipairs(attempts) do
    this.last = attempt.world and attempt or this.last -- that scripts began in
  end
  for number, attempt in ipairs(attempts) do
    this.stand_ins = capsule.undoes and replay_undo.answers() or stand_ins.new()
    if attempt.world then
      this.on("attempt", { number = number, ending = attempt.ending })
      for _, skip in ipairs(attempt.skips) do
        this.on("skip", skip)
      end
      played = played + 1
      this.corrected = this.corrected or this.project ~= nil and not is_tried(this, attempt)
      local divergence = replay(this, attempt)
      if divergence then
        return { attempts = #attempts, answers = this.answers, divergence = divergence, attempt = number }
      end
    end
  end
  if played == 0 then
    unusable(
      "the run kept no answers: it ended before its scripts began, or record was 0 in its configuration",
      "add --log to see what it said; the next run is kept with record in o2x.yaml"
    )
  end
  return { attempts = #attempts, answers = this.answers, lost = this.lost, corrected = this.corrected }
end

return M
