--- What takes back the effects of an earlier run: for each of them, last to first, what is written where, or why it
--- cannot go back. All of it follows from the journal and the effect types; nothing is written here.
---
---   result             goes back to its before-image, or to what its type makes of it (undo.restore)
---   intent, no result  the system is asked whether the write took place (outcome.lua), as in a resumed run
---   in something new   goes with it: a row of a database that the run created (undo.contents)

local apply = require "o2x.engine.apply"
local contract = require "o2x.engine.contract"
local history = require "o2x.engine.history"
local mask = require "o2x.base.mask"
local outcome = require "o2x.engine.outcome"
local undone = require "o2x.engine.undone"
local value = require "o2x.base.value"

local M = {}

local NO_SECRETS <const> = "it held a secret, which the journal does not have"
local UNKNOWN <const> = "it is unknown whether it was done"

---@class o2x.reversal
---@field entry table the effect, of the run's history
---@field type o2x.effect_type
---@field target any as the run had it
---@field past o2x.past
---@field unsure boolean? the write was cut short: what is there now is a part of it
---@field to o2x.back? what is written; nil: it cannot go back
---@field why string? why it, or a part of it, cannot
---@field within table? the entry of the new thing that it goes with

-- ---- asking the systems ----

--- Asks the systems about an effect, or writes to them. All that an undo asks goes through here, and its tape keeps it:
--- so it can be replayed without them (replay_undo.lua).
---@param run table the undo
---@param what "became"|"goes_to"|"now"|"write"
---@param entry table the effect
---@param fn function
---@param ... any what is asked for
---@return any results of fn
function M.ask(run, what, entry, fn, ...)
  if not run.tape then return fn() end
  local name = ("%s %s"):format(entry.kind, tostring(mask.shown(entry.key)))
  return run.tape:call(function() return fn() end, "undo." .. what, 1, entry.id:sub(1, 8), name, ...)
end

-- ---- which effects ----

-- The effects that were written, in their order: all, or those of a step and of the steps below it.
local function written(h, undo)
  local list = {}
  for _, entry in ipairs(h.effects) do
    local wanted = not undo.step or undone.is_within(entry.path, undo.step)
    local over = undone.of_step(undo.summary, entry.path)
    if entry.intent and not entry.dropped and wanted and not over then list[#list + 1] = entry end
  end
  table.sort(list, function(a, b) return a.order < b.order end)
  return list
end

-- An effect in the form in which outcome.lua asks about it.
local function as_effect(one)
  return { type = one.type, target = one.target, desired = one.past.desired, key = one.entry.key, id = one.entry.id }
end

-- Has a later effect of the run looked at the target, and written it? Then its result says what the run left.
local function is_overtaken(run, entry)
  for _, other in ipairs((history.beside(run.undo.history, entry))) do
    if other ~= entry and other.order > entry.order and other.result then return true end
  end
  return false
end

-- What became of a write without a result. A resumed undo decides as it did before.
-- -> "done", "absent", "part", "other" or "unknown"
local function became(run, one)
  local e, entry = as_effect(one), one.entry
  if one.type.class == "unprovable" then return "unknown" end
  if is_overtaken(run, entry) then return "part" end
  return run.ctx:recorded("what became of " .. entry.id, function()
    if outcome.took_place(run.gate, e) then return "done" end
    local now = run.gate:read_live(e)
    local image = contract.image(one.type, now, one.past.desired, entry.key)
    if value.equal(image, entry.before) then return "absent" end
    if entry.left ~= nil and value.equal(image, entry.left) then return "part" end
    local past = { before = entry.before, desired = one.past.desired, id = entry.id }
    return apply.is_interim(run.gate, e, past, now) and "part" or "other"
  end)
end

-- One effect as it was; nil if there is nothing to take back.
local function look(run, entry)
  local type = run.gate:type_of(entry.kind)
  if type.undo.needless then return nil end
  local one = {
    entry = entry,
    type = type,
    target = value.revive(entry.target),
    past = {
      before = value.revive(entry.before),
      reference = value.revive(entry.reference),
      desired = value.revive(entry.desired),
      after = value.revive(entry.after),
      info = value.revive(entry.info),
    },
  }
  one.past.target = one.target
  if entry.result then
    one.image = entry.image
    return one
  end
  if type.undo.never then
    one.why = UNKNOWN
    return one
  end
  local state = M.ask(run, "became", entry, function() return became(run, one) end)
  if state == "absent" then return nil end
  if state == "unknown" then one.why = UNKNOWN end
  one.image = entry.desired -- of one that is neither, the check says that it is foreign
  one.unsure = state ~= "other"
  return one
end

-- ---- what goes with something new ----

local function name(kind, key) return kind .. "\0" .. key end

--- The new things of a list: what is in them goes with them.
---@param list o2x.reversal[]
---@return table<string, table> found for around
function M.containers(list)
  local found = {}
  for _, one in ipairs(list) do
    if one.type.undo.contents and one.past.before == nil and one.past.desired ~= nil then
      found[name(one.type.kind, one.entry.key)] = one.entry
    end
  end
  return found
end

-- The first of the things that an effect's target is in which is in `found`.
local function container(run, found, type, target)
  while type.parent do
    local kind, parent = type.parent(target)
    if not kind then return nil end
    type, target = run.gate:type_of(kind), parent
    local entry = found[name(kind, type.key(target))]
    if entry then return entry end
  end
end

--- The new thing that an effect's target is in.
---@param run table the undo
---@param found table<string, table> of containers
---@param entry table an effect of the run's history
---@return table? entry of the new thing
function M.around(run, found, entry)
  return container(run, found, run.gate:type_of(entry.kind), value.revive(entry.target))
end

local function kinds_of(list)
  local kinds = {}
  for _, one in ipairs(list) do
    kinds[one.type.kind] = true
  end
  return kinds
end

-- Leaves out what the run made and removed again: a copy of a database, which only an archive could make once more.
local function without_passing(list)
  local groups, kept = {}, {}
  for _, one in ipairs(list) do
    local place = name(one.type.kind, one.entry.key)
    local group = groups[place] or { first = one, known = true }
    groups[place], group.last = group, one
    group.known = group.known and one.entry.result and not one.type.undo.never
  end
  for _, one in ipairs(list) do
    local group = groups[name(one.type.kind, one.entry.key)]
    local passing = group.first.past.before == nil and group.last.past.desired == nil
    if not (group.known and passing) then kept[#kept + 1] = one end
  end
  return kept
end

-- What the run removed and this undo has not made again: what was in it is not there, and nobody can be asked.
local function removed(run, list)
  local found = {}
  for _, one in ipairs(list) do
    local stands = not run.undo.attempts[one.entry.id]
    found[name(one.type.kind, one.entry.key)] = stands and one.past.desired == nil and one.entry or nil
  end
  return found
end

--- The current value of an effect's target.
---@param run table the undo
---@param one o2x.reversal
---@return any
function M.read(run, one)
  if container(run, run.undo.removed, one.type, one.target) then return nil end
  return run.gate:read_live(as_effect(one))
end

--- What a value says in those fields that the effect set.
---@param one o2x.reversal
---@param now any
---@return any image
function M.image(one, now) return contract.image(one.type, now, one.past.desired, one.entry.key) end

--- The image of the current value of an effect's target.
---@param run table the undo
---@param one o2x.reversal
---@return any image
function M.now(run, one)
  return M.ask(run, "now", one.entry, function() return M.image(one, M.read(run, one)) end)
end

-- ---- what they go back to ----

local function by_image(one)
  if value.has_reference(one.target) or value.has_reference(one.past.before) then return nil, NO_SECRETS end
  return { target = one.target, desired = one.past.before }
end

local function restore(run, one)
  local undo = one.type.undo
  if undo.never then return nil, undo.cannot end
  if not undo.restore then return by_image(one) end
  one.past.now, one.past.kinds = M.read(run, one), run.undo.kinds
  local back, why = undo.restore(run.ctx, one.past)
  if back and not back.by_tags and value.has_reference(back.desired) then return nil, NO_SECRETS end
  return back, why
end

-- Has an earlier attempt of this undo taken it back?
local function is_back(run, one)
  local attempt = run.undo.attempts[one.entry.id]
  return attempt ~= nil and attempt.result ~= nil
end

--- What takes back the effects of a run, last to first.
---@param run table the undo
---@return o2x.reversal[] list
function M.of(run)
  local list = {}
  for _, entry in ipairs(written(run.undo.history, run.undo)) do
    list[#list + 1] = look(run, entry)
  end
  list = without_passing(list)
  run.undo.removed, run.undo.kinds = removed(run, list), kinds_of(list)
  local new, back = M.containers(list), {}
  for i = #list, 1, -1 do
    local one = list[i]
    one.within = container(run, new, one.type, one.target)
    one.back = is_back(run, one)
    if not one.within and not one.why and not one.back then
      one.to, one.why = M.ask(run, "goes_to", one.entry, function() return restore(run, one) end)
    end
    back[#back + 1] = one
  end
  return back
end

-- ---- what the run left ----

-- What an image says, and what a later effect on the same target left in the same fields.
local function over(mine, later)
  local both = type(mine) == "table" and type(later) == "table"
  if not both or mine[1] ~= nil or later[1] ~= nil or value.has_reference(later) then return later end
  local result = {}
  for field, item in next, mine do
    result[field] = item
    if later[field] ~= nil then result[field] = over(item, later[field]) end
  end
  return result
end

-- Did an earlier attempt of this undo begin to take an effect back, and nobody knows yet whether it did? That is
-- settled before anything earlier on the same target is taken back.
local function is_open(attempt) return attempt and attempt.intent and not attempt.result and not attempt.dropped end

--- What the run left of an effect: its own image, and over it what later effects of the run left.
---@param run table the undo
---@param one o2x.reversal
---@return boolean known false: a later effect made or removed the whole, which says it all; or one is being taken back
---@return any image
function M.left(run, one)
  local image = one.image
  for _, other in ipairs((history.beside(run.undo.history, one.entry))) do
    local later = other ~= one.entry and other.order > one.entry.order and other.result
    local attempt = run.undo.attempts[other.id]
    if later and is_open(attempt) then return false end
    local back = attempt or undone.of_step(run.undo.summary, other.path)
    if later and not back then
      if image == nil or other.image == nil then return false end
      image = over(image, other.image)
    end
  end
  return true, image
end

return M
