--- A run as its journal describes it: how it went, its steps and effects. resume.lua decides what a resumed run
--- does with the records. What may be large (values, results) stays in the journal and is read again when it is asked
--- for, so that a long journal does not have to fit into memory.

local clock = require "o2x.base.clock"
local mask = require "o2x.base.mask"
local errors = require "o2x.base.error"
local script_order = require "o2x.base.script_order"

local M = {}

local OF_BEGIN = {
  "id",
  "runbook",
  "tenant",
  "params",
  "seed",
  "o2x",
  "library",
  "inputs",
  "user",
  "host",
  "who",
  "secrets",
  "root",
  "allow_edited",
  "fleet",
  "plan",
  "take_over",
  "override",
  "lock",
  "approved",
  "undo",
}

-- Names that come from scripts (path, key, whole) may have contained a secret, and are masked in the journal then. A
-- tag tells what they were. Records of one step follow each other, so the newest tag of each kind is remembered.
local function tag(h, field, name)
  if mask.is_reference(name) then return name.fp end
  local newest = h.newest[field]
  if not newest or newest.name ~= name then
    newest = { name = name, tag = mask.tag(name) }
    h.newest[field] = newest
  end
  return newest.tag
end

-- ---- what stays in the journal ----

-- The fields of an effect that stay in the journal, and the record that has them.
local IN_JOURNAL <const> = {
  at = "intent",
  class = "intent",
  target = "intent",
  before = "intent",
  reference = "intent",
  desired = "intent",
  show = "intent",
  seconds = "result",
  after = "result",
  info = "result",
  image = "result",
}

--- Fields of records that a history does not look at: whoever reads a journal for one leaves them out. The results of
--- steps and recorded values are among them.
M.LARGE = "target before reference desired show after info image result value "
  .. "given gave raised facts hidden files text"

local function field_of(record, field)
  if field == "image" and record.image == nil then return record.after end
  return record[field]
end

-- A field of an effect, from its record: the record itself, or its place in the journal. Several fields of one effect
-- are asked for in a row, so the newest record of each kind is remembered.
local function in_journal(h)
  local newest = { intent = {}, result = {} }
  return {
    __index = function(entry, field)
      local kind = IN_JOURNAL[field]
      if field == "show" and rawget(entry, "filled") then kind = "result" end
      local kept = kind and rawget(entry, kind .. "_record")
      if not kept then return nil end
      if type(kept) ~= "number" then return field_of(kept, field) end
      if newest[kind].place ~= kept then newest[kind] = { place = kept, record = h.record_at(kept) } end
      return field_of(newest[kind].record, field)
    end,
  }
end

-- What is kept of a record: its place, if it can be read again, else itself.
local function keep(h, record, place) return h.record_at and place or record end

local function kept(h, record) return type(record) == "number" and h.record_at(record) or record end

--- By record type: adds a record to the history.
---@type table<string, fun(h: table, record: table, place: integer?)>
local collect = {}

function collect.begin(h, record)
  for _, field in ipairs(OF_BEGIN) do
    h[field] = record[field]
  end
  h.started, h.pid = record.at, record.pid
end

function collect.resume(h, record)
  h.resumed, h.edited, h.left = h.resumed + 1, record.kept == false, {}
  h.pid, h.status, h.error, h.ended, h.dismissed = record.pid, nil, nil, nil, nil
  h.resumes[#h.resumes + 1] = { at = record.at, user = record.user, host = record.host, who = record.who }
  h.override = record.override or h.override
  h.lock = record.lock or h.lock
end

function collect.commit(h, record)
  h.commits[#h.commits + 1] = { commit = record.commit, tree = record.tree, files = record.paths }
end

local function step_of(h, record) return h.by_path[tag(h, "path", record.path)] or {} end

local function listed_step(h, record)
  local path = tag(h, "path", record.path)
  local step = h.by_path[path]
  if not step then
    step = { path = mask.shown(record.path) }
    h.by_path[path] = step
    h.steps[#h.steps + 1] = step
  end
  return step
end

function collect.step(h, record)
  local step = listed_step(h, record)
  step.started, step.status, step.message = record.at, "begun", nil
end

function collect.done(h, record, place)
  local step = step_of(h, record)
  step.status, step.seconds = "done", record.seconds
  -- A result that contained a secret was masked in the journal: it is useless, so the step runs again.
  h.results[tag(h, "path", record.path)] = keep(h, record, place)
end

-- The operator says that a step is done by hand, with all that is in it. It is finished like any other.
function collect.skip(h, record, place)
  local step = listed_step(h, record)
  step.status, step.message = "skipped", nil
  step.skipped = { reason = mask.shown(record.reason), user = record.user, host = record.host, at = record.at }
  for _, other in ipairs(h.steps) do
    local within = other.path:sub(1, #step.path + 1) == step.path .. "/"
    if within and other.status ~= "done" then
      other.status, other.message = "skipped", nil
    end
  end
  h.results[tag(h, "path", record.path)] = keep(h, record, place)
end

function collect.fail(h, record)
  local step = step_of(h, record)
  step.status, step.message = "failed", record.message
end

local function effect(h, record)
  local entry = h.by_effect[record.effect]
  if not entry then
    entry = setmetatable({
      id = record.effect,
      slot = record.slot,
      path = mask.shown(record.path),
      place = record.place,
      kind = record.kind,
      key = mask.shown(record.key),
    }, h.in_journal)
    h.by_effect[record.effect] = entry
  end
  return entry
end

local function target(kind, key_tag) return kind .. "\0" .. key_tag end

--- The effects on one target, in the order of their newest records.
---@param h table
---@param kind string
---@param key string of the target, or of the whole that it is a part of
---@return table[] entries
function M.on_target(h, kind, key) return h.by_target[target(kind, tag(h, "key", key))] or {} end

--- The effects on the target of an effect.
---@param h table
---@param entry table
---@return table[] entries
---@return string target the same for all effects on it
function M.beside(h, entry) return h.by_target[entry.on], entry.on end

--- The recorded result of a finished step.
---@param h table
---@param path string
---@return { result: any, masked: boolean? }? masked: the result contained a secret and cannot be used
function M.result(h, path) return kept(h, h.results[tag(h, "path", path)]) end

--- A recorded value.
---@param h table
---@param key string
---@return { value: any, masked: boolean? }?
function M.value(h, key) return kept(h, h.values[tag(h, "key", key)]) end

local function list(h, entry)
  if not entry.listed then h.effects[#h.effects + 1] = entry end
  entry.listed = true
end

local OF_INTENT = { "slot", "kind", "taken", "undoes" }

local function add_to(lists, name, entry)
  local members = lists[name] or {}
  lists[name] = members
  if members[#members] ~= entry then members[#members + 1] = entry end
end

-- A second intent of the same effect counts: it has the value before the write that succeeded.
function collect.intent(h, record, place)
  local entry = effect(h, record)
  for _, field in ipairs(OF_INTENT) do
    entry[field] = record[field]
  end
  entry.key, entry.intent_record = mask.shown(record.key), keep(h, record, place)
  entry.intent, entry.result, entry.left, entry.outcome = true, nil, nil, "begun"
  entry.order = h.count
  h.begun = h.begun or not record.hook
  add_to(h.by_slot, record.slot, entry)
  local whole = record.whole ~= nil and tag(h, "whole", record.whole) or tag(h, "key", record.key)
  entry.on = target(record.kind, whole)
  add_to(h.by_target, entry.on, entry)
  list(h, entry)
end

function collect.result(h, record, place)
  local entry = effect(h, record)
  entry.result, entry.result_record = true, keep(h, record, place)
  entry.order = h.count
  entry.outcome, entry.filled = record.outcome, record.filled
  list(h, entry)
end

-- The write failed. The resumed run finds out whether it changed anything.
function collect.failed(h, record)
  local entry = effect(h, record)
  entry.outcome, entry.message, entry.left = "failed", record.message, record.left
end

-- A resumed run found that the write never took place and is no longer wanted.
function collect.dropped(h, record)
  local entry = effect(h, record)
  entry.dropped, entry.outcome = true, "dropped"
end

function collect.same(h, record)
  local entry = effect(h, record)
  if entry.listed then return end
  entry.outcome = "unchanged"
  list(h, entry)
end

function collect.retry(h, record)
  h.retries = h.retries + 1
  if not record.effect then return end
  local entry = effect(h, record)
  entry.retries = (entry.retries or 0) + 1
end

function collect.check(h, record)
  local copy = {}
  for field, item in next, record do
    copy[field] = mask.shown(item)
  end
  h.checks[#h.checks + 1] = copy
end

function collect.value(h, record, place) h.values[tag(h, "key", record.key)] = keep(h, record, place) end

-- An undo could not take this back.
function collect.left(h, record)
  h.left[#h.left + 1] =
    { path = mask.shown(record.path), title = mask.shown(record.title), why = mask.shown(record.why) }
end

-- The operator leaves the run as it is. Who goes on with it all the same takes that back.
function collect.dismiss(h, record)
  h.dismissed = { reason = mask.shown(record.reason), user = record.user, host = record.host, at = record.at }
end

collect["end"] = function(h, record)
  h.status, h.error, h.ended = record.status, record.error, record.at
end

--- An empty history.
---@param record_at (fun(place: integer): table)? reads a record of the journal again; without it, all stays in memory
---@return table history
function M.new(record_at)
  local h = {
    record_at = record_at,
    newest = {},
    count = 0,
    steps = {},
    by_path = {},
    effects = {},
    checks = {},
    left = {},
    retries = 0,
    resumed = 0,
    resumes = {},
    commits = {},
    results = {},
    values = {},
    by_effect = {},
    by_slot = {},
    by_target = {},
  }
  h.in_journal = in_journal(h)
  return h
end

-- By record type: the texts without which a record means nothing.
local NEEDS = {
  step = { "path" },
  done = { "path" },
  skip = { "path", "reason" },
  fail = { "path" },
  intent = { "effect", "slot", "kind", "key" },
  result = { "effect" },
  failed = { "effect" },
  dropped = { "effect" },
  same = { "effect" },
  value = { "key" },
  dismiss = { "reason" },
}

local function damaged(h, what)
  errors.raise {
    kind = "failed",
    module = "journal",
    code = "damaged",
    message = ("record %d of the journal %s"):format(h.count, what),
    hint = "the journal was changed after it was written; restore the file from a copy, or inspect the systems by hand",
  }
end

local function check(h, record)
  if type(record) ~= "table" then damaged(h, "is not a table") end
  for _, field in ipairs(NEEDS[record.t] or {}) do
    if type(mask.shown(record[field])) ~= "string" then damaged(h, ("(%s) has no %s"):format(record.t, field)) end
  end
end

--- Adds a record to a history.
---@param h table
---@param record table
---@param place integer? where record_at finds it again
function M.add(h, record, place)
  h.count = h.count + 1
  check(h, record)
  local take = collect[record.t]
  if take then take(h, record, place) end
  if record.t ~= "dismiss" then h.last = record.at or h.last end
end

--- Sums up the records of a journal.
---@param records table[]
---@return table history id, runbook, tenant, params, steps, effects, checks, status, error, started, ended; edited:
---  it was resumed with the edited scripts; for resume.lua results (by step), values (by name), by_effect, by_slot,
---  by_target; in an effect, order: the number of its newest record
function M.of(records)
  local h = M.new()
  for _, record in ipairs(records) do
    M.add(h, record)
  end
  return h
end

--- The effects in the order of the program: those that were done at the same time are not in the order in which they
--- ended. A journal of an older version does not know that order.
---@param h table
---@return table[] entries
function M.in_order(h)
  local entries, places = {}, {}
  for i, entry in ipairs(h.effects) do
    entries[i], places[entry] = entry, { entry.place and script_order.parse(entry.place) or "", i }
  end
  table.sort(entries, function(one, other)
    local a, b = places[one], places[other]
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  return entries
end

--- The number of effects with each outcome.
---@param h table
---@return table counts created, changed, deleted, unchanged, begun, failed, dropped
function M.counts(h)
  local counts = { created = 0, changed = 0, deleted = 0, unchanged = 0, begun = 0, failed = 0, dropped = 0 }
  for _, entry in ipairs(h.effects) do
    counts[entry.outcome] = counts[entry.outcome] + 1
  end
  return counts
end

--- The time from the beginning to the last record; 0 if the clock was set back meanwhile.
---@param h table
---@return number seconds
function M.seconds(h) return h.started and h.last and math.max(clock.parse(h.last) - clock.parse(h.started), 0) or 0 end

return M
