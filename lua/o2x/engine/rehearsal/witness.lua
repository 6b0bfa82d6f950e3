--- What a plan saw of a tenant: each target that was read through its effect type, with its value. A rehearsal brings
--- it into its lab. Nothing is read here that the run's own grants do not allow, and nothing is written.

local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local value = require "o2x.base.value"

local M = {}

local Witness = {}
Witness.__index = Witness

---@class o2x.rehearsal.seen
---@field type o2x.effect_type
---@field target any
---@field key string
---@field value any nil: it does not exist
---@field planned any what the plan would make of it

--- Nothing seen yet.
---@return table witness
function M.new() return setmetatable({ list = {}, by_name = {} }, Witness) end

local function name_of(kind, key) return kind .. "\0" .. key end

--- Notes what was read. The first value counts: it is what was there before the plan.
---@param effect_type o2x.effect_type
---@param target any
---@param key string
---@param current any
function Witness:note(effect_type, target, key, current)
  local name = name_of(effect_type.kind, key)
  if effect_type.class == "read" or self.by_name[name] or value.is_unknown(current) then return end
  local seen = { type = effect_type, target = target, key = key, value = current }
  self.by_name[name] = seen
  self.list[#self.list + 1] = seen
end

--- Was a target seen?
---@param kind string?
---@param key string?
---@return boolean
function Witness:knows(kind, key) return kind ~= nil and key ~= nil and self.by_name[name_of(kind, key)] ~= nil end

--- Notes what a plan would make of what was seen.
---@param plan table
function Witness:add_plan(plan)
  for _, change in ipairs(plan.changes) do
    local seen = self.by_name[name_of(change.kind, change.key)]
    if seen and seen.planned == nil then seen.planned = change.after end
  end
end

--- The reason why a type's target is not brought, if it never is.
---@param effect_type o2x.effect_type
---@return string?
local function never(effect_type)
  local rehearsal = effect_type.rehearsal
  if rehearsal then return rehearsal.none end
  return effect_type.undo and effect_type.undo.never and effect_type.undo.cannot or nil
end

local function attempt(list, key, fn, ...)
  local results = table.pack(xpcall(fn, errors.handler, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err = errors.wrap(results[2])
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  list[#list + 1] = { what = key, why = tostring(err) }
end

-- Target and value as data, with made-up secrets; nothing if they cannot be kept.
local function packed(run, seen, made_up)
  local rehearsal, target, current = seen.type.rehearsal or {}, seen.target, seen.value
  if rehearsal.take and current ~= nil then
    target, current = rehearsal.take(run.ctx, target, current)
    current = made_up:with_hashes(current)
  end
  target = seen.type.record and seen.type.record(target) or target
  return {
    kind = seen.type.kind,
    key = seen.key,
    target = made_up:data(target, seen.key),
    value = made_up:data(current, seen.key),
    planned = made_up:data(value.revive(seen.planned), seen.key),
  }
end

local function targets_of(run, effect_type)
  local all = effect_type.rehearsal and effect_type.rehearsal.all
  if all then return all(run.ctx) end
  local targets = {}
  for i, one in ipairs(effect_type.list and effect_type.list(run.ctx) or {}) do
    targets[i] = one.target
  end
  return targets
end

--- Looks at what the tenant has and no plan came to: one that stopped has not looked at all.
---@param run table of the plan
---@param left { what: string, why: string }[] what could not be read is added
function Witness:look_on(run, left)
  for _, name in ipairs(effects.NAMES) do
    for _, effect_type in ipairs(effects.find(name).types or {}) do
      for _, target in ipairs(attempt(left, effect_type.kind, targets_of, run, effect_type) or {}) do
        local key = effect_type.key(target)
        if not self:knows(effect_type.kind, key) then
          attempt(left, key, run.gate.read_live, run.gate, { type = effect_type, target = target, key = key })
        end
      end
    end
  end
end

---@class o2x.rehearsal.luggage
---@field items table[] what the types write in the lab: kind, key, target, value, planned
---@field objects table[] of the cluster; the values of Secrets are secrets
---@field left { what: string, why: string }[] what is not brought

--- What is brought into the lab. Reads more of what was seen, through the same client.
---@param run table of the plan
---@param made_up table
---@return o2x.rehearsal.luggage
function Witness:pack(run, made_up)
  local luggage, objects = { items = {}, objects = {}, left = {} }, {}
  for _, seen in ipairs(self.list) do
    made_up:add_passwords(seen.value)
  end
  for _, seen in ipairs(self.list) do
    local rehearsal, why = seen.type.rehearsal or {}, never(seen.type)
    if why then
      local empty = seen.value == nil or type(seen.value) == "table" and next(seen.value) == nil
      if not empty then table.insert(luggage.left, { what = seen.key, why = why }) end
    elseif rehearsal.objects then
      for _, object in
        ipairs(seen.value and attempt(luggage.left, seen.key, rehearsal.objects, run.ctx, seen.target) or {})
      do
        local of = object.object or object
        local place = table.concat({ of.kind, of.metadata.namespace or "", of.metadata.name }, "/")
        if not objects[place] then table.insert(luggage.objects, object) end
        objects[place] = true
      end
    elseif not rehearsal.nothing then
      table.insert(luggage.items, attempt(luggage.left, seen.key, packed, run, seen, made_up))
    end
  end
  return luggage
end

return M
