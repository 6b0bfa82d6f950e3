--- Undo: takes back what an earlier run did, in a run of its own. Its script is the list of that run's effects, last to
--- first, each handed to the gate with what it goes back to (reversal.lua). So an undo is planned, journaled, resumed
--- and undone as any other run is.
---
--- First everything is compared: each target must be what the run left. If one is not, nothing is touched, and the
--- operator decides: `o2x undo RUN --take-over=EFFECT`.

local dependents = require "o2x.engine.dependents"
local errors = require "o2x.base.error"
local lanes = require "o2x.script.lanes"
local mask = require "o2x.base.mask"
local memory = require "o2x.engine.memory"
local program = require "o2x.core.program"
local remains = require "o2x.engine.remains"
local reversal = require "o2x.engine.reversal"
local side_by_side = require "o2x.engine.side_by_side"
local step = require "o2x.script.step"
local suggest = require "o2x.base.suggest"
local take_over = require "o2x.engine.take_over"
local task = require "o2x.base.task"
local undone = require "o2x.engine.undone"
local value = require "o2x.base.value"

local M = {}

local AT_ONCE <const> = 8 -- targets that are compared at a time
local LONGEST_NAME <const> = 150 -- bytes of a step's name

---@class o2x.undo.request
---@field id string of the run that goes back
---@field step string? the path of a step: only it, and the steps below it
---@field take_over string[]? effects (ids or keys) whose foreign changes are overwritten

-- ---- which run and which step ----

--- The path of a step by its path or its number, as `o2x show` lists it.
---@param h table history
---@param word string
---@return string path
function M.step_of(h, word)
  if word == "" then errors.input("there is no step after #", "o2x show " .. h.id .. " lists its steps") end
  local by_number = h.steps[tonumber(word)]
  if by_number then return by_number.path end
  local paths = {}
  for i, one in ipairs(h.steps) do
    if one.path == word then return word end
    paths[i] = one.path
  end
  errors.input(
    ("%s has no step %s%s"):format(h.id, word, suggest.did_you_mean(word, paths)),
    "o2x show " .. h.id .. " lists its steps"
  )
end

local function check_run(h)
  if h.damaged then error(h.damaged, 0) end
  if h.status == "running" then
    errors.input(("%s is still running"):format(h.id), "wait until it has ended, or interrupt it")
  end
end

--- Refuses to take back what was taken back. A run that was undone says so; so does one of which the step was.
---@param undo table
---@param summary table of the run that goes back
---@param own string? the id of the undo itself, which does not count
function M.check_undone(undo, summary, own)
  undone.check(summary, own)
  local by = undo.step and undone.of_step(summary, undo.step)
  if not by then return end
  errors.input(("%s was undone by %s"):format(M.name(undo), by), ("o2x undo %s brings its state back"):format(by))
end

--- What an undo needs to know of the run that goes back.
---@param store table
---@param request o2x.undo.request
---@return table undo for preparation.run
function M.open(store, request)
  local h, summary = store:look(request.id), store:summary(request.id)
  check_run(h)
  return {
    history = h,
    summary = summary,
    step = request.step,
    take_over = request.take_over or {},
    -- What the run wrote may carry the run's id: archives, markers, tags.
    origin = h.undo and h.undo.origin or h.id,
    remake = remains.again(store, h.id),
    attempts = {},
  }
end

--- The same undo once more, with nothing done.
---@param undo table
---@return table undo
function M.again(undo)
  return {
    history = undo.history,
    summary = undo.summary,
    step = undo.step,
    take_over = undo.take_over,
    origin = undo.origin,
    remake = undo.remake,
    attempts = {},
  }
end

--- The declaration that stands where another run has its runbook.
---@param undo table
---@return table runbook
function M.runbook(undo)
  local h = undo.history
  return {
    name = undone.RUNBOOK,
    version = program.version,
    path = "undo",
    summary = ("take back what %s did (%s %s)"):format(h.id, h.runbook.name, h.runbook.version or ""),
    adopts = h.runbook.adopts, -- the tenant's file may be gone when that is done, or as long as it is not
    params = {},
    effects = {},
  }
end

-- ---- what is there now ----

local function taken(run, entry) return memory.names_any(run.undo.take_over, entry) end

-- Is what is there now what the run left? -> nil, or the conflict
local function compare(run, one, image)
  local known, left = reversal.left(run, one)
  if not known or one.unsure or one.to.moved or taken(run, one.entry) then return nil end
  local foreign = one.to.foreign
  if value.equal(image, left) and not foreign then return nil end
  if image == nil and one.entry.before == nil then return nil end -- somebody has taken it back already
  return {
    effect = one.entry.id,
    kind = one.entry.kind,
    target = one.entry.key,
    values = side_by_side.of(one.entry.before, left, image, foreign),
  }
end

local function lines_of(conflicts)
  local lines = {}
  for _, one in ipairs(conflicts) do
    lines[#lines + 1] = ("%s %s (effect %s)"):format(one.kind, one.target, one.effect:sub(1, 8))
    for _, line in ipairs(side_by_side.lines(one.values)) do
      lines[#lines + 1] = line
    end
  end
  return lines
end

-- What a resumed undo needs is the same word for the command that continues it.
local function command(run, conflicts)
  local words = run.past and "o2x resume " .. run.id
    or ("o2x undo %s --confirm=%s"):format(M.name(run.undo), run.tenant_name)
  for _, word in ipairs(run.undo.take_over) do
    words = words .. " " .. take_over.option(word)
  end
  for _, one in ipairs(conflicts) do
    words = ("%s --take-over=%s"):format(words, one.effect:sub(1, 8))
  end
  return words
end

local function refuse(run, conflicts)
  local first, more = conflicts[1], #conflicts > 1 and (" and %d more"):format(#conflicts - 1) or ""
  errors.raise {
    kind = "conflict",
    code = "foreign_change",
    message = ("not as %s left it, so nothing is taken back: %s %s%s"):format(
      run.undo.history.id,
      first.kind,
      first.target,
      more
    ),
    details = lines_of(conflicts),
    hint = "check it; to overwrite it: " .. command(run, conflicts),
  }
end

-- What is written is what was compared, unless somebody is faster: so the gate asks again. What it has read may have
-- another form than what the run saw: all columns of a row.
local function check_of(run, one)
  return function(now)
    if one.to.target ~= one.target then now = reversal.read(run, one) end
    local conflict = compare(run, one, reversal.image(one, now))
    if conflict then refuse(run, { conflict }) end
  end
end

local function check_all(run, list)
  dependents.check(run, list)
  local look = lanes.each(run, function(one)
    if not one.to or run.undo.attempts[one.entry.id] then return false end
    return compare(run, one, reversal.now(run, one)) or false
  end)
  local found = task.each(list, look, { limit = AT_ONCE })
  local conflicts = {}
  for _, conflict in ipairs(found) do
    if conflict then conflicts[#conflicts + 1] = conflict end
  end
  if conflicts[1] then refuse(run, conflicts) end
end

-- ---- the tenant's id ----

-- The id that the run gave to the tenant, or took from it.
local function id_of(h, place)
  for _, entry in ipairs(h.effects) do
    local target = entry.intent and entry.kind == "pg.allocated" and entry.target
    if target and target.table == place.table and target.column == place.id then
      local row = entry.after or entry.before
      return row and row[place.id]
    end
  end
end

--- What a run may touch depends on the tenant's id. The registry does not know it any more when the run that is undone,
--- or an earlier attempt of this undo, has removed its row.
---@param run table
function M.remember_id(run)
  local place = not run.tenant.id and run.registration:place()
  local id = place and id_of(run.undo.history, place)
  if type(id) == "string" then run.registration:remember(id) end
end

-- ---- taking it back ----

local function describe(one)
  local show = one.entry.show
  return show and mask.shown(show.title) or one.entry.key
end

-- What stays: { path, kind, key, title, why }.
local function left_of(list)
  local left = {}
  for _, one in ipairs(list) do
    if one.why and not one.within then
      local entry = one.entry
      left[#left + 1] = { path = entry.path, kind = entry.kind, key = entry.key, title = describe(one), why = one.why }
    end
  end
  return left
end

-- Those that follow each other and belong to one step of the run become a step.
local function steps_of(list)
  local steps, seen = {}, {}
  for _, one in ipairs(list) do
    local newest = steps[#steps]
    if one.to or one.back then
      if not newest or newest.path ~= one.entry.path then
        local name = one.entry.path == "" and "Outside of steps" or one.entry.path:gsub("/", ": ")
        name = side_by_side.cut(name, LONGEST_NAME)
        seen[name] = (seen[name] or 0) + 1
        if seen[name] > 1 then name = ("%s (%d)"):format(name, seen[name]) end
        newest = { path = one.entry.path, name = name }
        steps[#steps + 1] = newest
      end
      newest[#newest + 1] = one
    end
  end
  return steps
end

local function take_back(run, members)
  for _, one in ipairs(members) do
    local entry = one.entry
    if one.back then
      run.report:effect_done(step.path(), entry.kind, entry.key, "recalled", 0)
    else
      local of = { undoes = entry.id, check = check_of(run, one), taken = taken(run, entry) or nil }
      reversal.ask(
        run,
        "write",
        entry,
        function() return (select(2, run.gate:effect(entry.kind, one.to.target, one.to.desired, of))) end,
        one.to.target,
        one.to.desired
      )
      run.undo.attempts[entry.id] = run.undo.attempts[entry.id] or {} -- what earlier effects left is there again
    end
  end
end

-- What an earlier attempt of this undo did, by the effect that it took back.
local function attempts_of(run)
  local found = {}
  for _, entry in ipairs(run.past and run.past.history.effects or {}) do
    if entry.undoes and not entry.dropped then found[entry.undoes] = entry end
  end
  return found
end

local function record_left(run, left)
  for _, one in ipairs(run.journal and left or {}) do
    local record = { t = "left", path = one.path, kind = one.kind, key = one.key, title = one.title, why = one.why }
    run.journal:append(record, true)
  end
end

--- Takes the run back, or plans to.
---@param run table the undo: run.undo is that of open
function M.perform(run)
  local undo = run.undo
  undo.attempts = attempts_of(run)
  if run.mode == "apply" and not run.past then M.check_undone(undo, run.store:summary(undo.history.id), run.id) end
  local list = reversal.of(run)
  check_all(run, list)
  undo.left, undo.traces, undo.within = left_of(list), remains.traces(list), {}
  for _, one in ipairs(list) do
    if one.within then undo.within[#undo.within + 1] = { title = describe(one), of = one.within.key } end
  end
  record_left(run, undo.left)
  for _, group in ipairs(steps_of(list)) do
    step.step(run, group.name, take_back, run, group)
  end
end

--- Writes what a plan of an undo has beside its changes: what goes with something else, and what stays.
---@param undo table that was planned
---@param write fun(line: string)
---@param style table as for Plan:render
function M.render_rest(undo, write, style)
  for _, one in ipairs(undo.within) do
    write(style.dim(("  goes with %s: %s"):format(one.of, one.title)))
  end
  for _, one in ipairs(undo.left) do
    write(("  %s cannot be undone: %s: %s"):format(style.sign("-", "!"), one.title, one.why))
  end
  for _, text in ipairs(undo.traces) do
    write(style.dim("  stays: " .. text))
  end
  local again = undo.left[1] and undo.remake
  if again then write("  what cannot come back is made again by the runbook: " .. style.bold(again)) end
  if undo.within[1] or undo.left[1] or undo.traces[1] then write "" end
end

--- What an undo knows beside the journal of the run that goes back: a record for its tape.
---@param run table the undo
---@return table record
function M.world(run)
  local undo = run.undo
  return {
    t = "world",
    facts = {
      undone_steps = undo.summary.undone_steps,
      take_over = undo.take_over,
      remake = undo.remake,
      place = run.registration:place(),
    },
  }
end

--- An undo of which the journals are all that there is: it is replayed.
---@param h table history of the run that goes back
---@param own table header of the undo
---@param facts table of world
---@return table undo
function M.recalled(h, own, facts)
  return {
    history = h,
    summary = { id = h.id, undone_steps = facts.undone_steps },
    step = own.undo.step,
    take_over = facts.take_over or {},
    origin = own.undo.origin,
    remake = facts.remake,
    attempts = {},
  }
end

--- How the command line names what goes back.
---@param undo table
---@return string "R-…" or "R-…#Step"
function M.name(undo)
  local name = undo.history.id .. (undo.step and "#" .. undo.step or "")
  return undo.step and "'" .. name:gsub("'", "'\\''") .. "'" or name
end

--- What the journal's header says of an undo.
---@param undo table
---@return table
function M.header(undo)
  local words = undo.take_over
  return { run = undo.history.id, step = undo.step, origin = undo.origin, take_over = words[1] and words or nil }
end

return M
