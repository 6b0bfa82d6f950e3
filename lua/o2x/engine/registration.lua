--- Whose id is it? The platform's registry says which id belongs to which tenant's name. What a file or a script says
--- of it is believed only if the registry holds the same.
---
--- stdlib/platform.lua says where the registry is: registry(tenant) returns
---
---   { database, admin, table, id, name = columns' names,
---     others = { { column, value, claim = , field = }, … } what no other row may have; claim: what of the tenant's
---       file led to it, if anything; field: where the file has it
---     by_id = { effects whose targets have the id in their names: "redis", … } }
---
--- and witness(tenant) the id that the tenant's services have, for reads while the registry does not answer. A platform
--- without these functions has no registry.

local errors = require "o2x.base.error"
local task = require "o2x.base.task"
local tenants = require "o2x.project.tenants"

local M = {}

local FIRST <const> = 5 -- seconds for the question at the start; later ones wait as long as any other read

local Registration = {}
Registration.__index = Registration

--- The registration of a run's tenant.
---@param run table platform, tenant, gate, ctx
---@return table registration
function M.new(run) return setmetatable({ run = run }, Registration) end

-- Where the registry is, for the tenant as it is now; nil if there is none.
local function place_of(self)
  local registry = self.run.platform.registry
  return registry and registry(self.run.tenant)
end

-- The tenant's id, where one is known: a plan may not know it.
local function id_of(tenant) return type(tenant.id) == "string" and tenant.id or nil end

local function refuse(message, hint, where)
  errors.raise { kind = "refused", code = "EREFUSED", message = message, hint = hint, where = where }
end

local function file_of(self) return ("tenants/%s.yaml"):format(self.run.tenant.name) end

-- The line of the tenant's file that has a field.
local function line_of(self, field)
  local run = self.run
  return run.config and tenants.place(run.config, run.tenant.name, field) or file_of(self)
end

-- One row of the registry that has something of this tenant.
local function compare(self, place, row)
  local tenant = self.run.tenant
  local name, id = row[place.name], row[place.id]
  if name == tenant.name and (not id_of(tenant) or id == tenant.id) then return end
  if name == tenant.name or id == tenant.id then
    local message = name == tenant.name
        and ("the registry has %s as %s, the tenant file says %s"):format(name, id, tenant.id)
      or ("%s belongs to %s in the registry, not to %s"):format(id, name, tenant.name)
    local hint = "correct the id in %s, or leave it out: the registry knows it"
    refuse(message, hint:format(file_of(self)), line_of(self, "id"))
  end
  for _, other in ipairs(place.others) do
    if row[other[1]] == other[2] then
      local what = other.claim or ("%s %s"):format(other[1], other[2])
      local message = ("%s belongs to %s (%s) in the registry"):format(what, name, id)
      refuse(message, "two tenants cannot share it: correct " .. file_of(self), line_of(self, other.field or "name"))
    end
  end
end

-- Compares all rows that have something of this tenant. One of them must confirm an id that is there already; a tenant
-- whose file has none gets the registry's.
local function examine(self, place, rows)
  local tenant = self.run.tenant
  for _, row in ipairs(rows) do
    compare(self, place, row)
    if row[place.name] == tenant.name then self.held = row[place.id] end
  end
  if self.held and not id_of(tenant) then tenant.id = self.held end
  self.known = self.known or self.held ~= nil and self.held == tenant.id
  if self.known or not id_of(tenant) then return end
  local hint = "leave the id out of %s: onboarding allocates it"
  local message = ("the registry has no %s, but the tenant file says %s"):format(tenant.name, tenant.id)
  refuse(message, hint:format(file_of(self)), file_of(self))
end

local function target_of(self, place)
  local tenant, any = self.run.tenant, { { place.name, self.run.tenant.name } }
  if id_of(tenant) then any[2] = { place.id, tenant.id } end
  local columns, seen = { place.name, place.id }, { [place.name] = true, [place.id] = true }
  for _, other in ipairs(place.others) do
    any[#any + 1] = other
    if not seen[other[1]] then columns[#columns + 1] = other[1] end
    seen[other[1]] = true
  end
  return { database = place.database, admin = place.admin, table = place.table, any = any, columns = columns }
end

--- What check is going to ask, for somebody who asks the same database before that: in the same round trip.
---@return table[]? statements nil: there is no registry
---@return fun(rows: table[][])? hear takes the rows of each
function Registration:ahead()
  local place = place_of(self)
  if not place then return nil end
  self.first = target_of(self, place)
  return self.run.gate:type_of("pg.matching").along(self.run.ctx, self.first)
end

--- Asks the registry before the first step. Refuses a tenant that the registry knows under another id or name, and
--- gives its id to one whose file has none: what a run may touch depends on it. Without an answer the run goes on,
--- because somebody may have to find out why there is none: see require.
---@return boolean answered false: the registry did not answer
function Registration:check()
  local run, place = self.run, place_of(self)
  if not place then return true end
  local target = self.first or target_of(self, place)
  self.first = nil
  local ok, rows = pcall(task.timeout, FIRST, run.gate:type_of("pg.matching").read, run.ctx, target)
  if ok then
    self.asked = true
    examine(self, place, rows or {})
    return true
  end
  if errors.is(rows) and rows.kind == "cancelled" then error(rows, 0) end
  if not id_of(run.tenant) then return false end
  local message = "the registry does not say whether %s is %s's, so this run cannot change %s: %s"
  local modules = table.concat(place.by_id, ", ")
  run.ctx:log("warn", message:format(run.tenant.id, run.tenant.name, modules, tostring(rows)))
  return false
end

-- psql takes the server from the same variables as o2x.
local function hint_of(place)
  return ('psql -d %s -c "select 1" shows whether it answers; then run or resume it again'):format(place.database)
end

--- Kinds of the errors after which nobody knows what a system holds.
M.UNANSWERED = { unreachable = true, unauthorised = true, timeout = true }

-- The id that the registry holds for the tenant's name; a plan sees what it has allocated.
local function held_id(self, place)
  return self.run.gate:read("pg.allocated", {
    database = place.database,
    admin = place.admin,
    table = place.table,
    key = { [place.name] = self.run.tenant.name },
    column = place.id,
    columns = { place.id },
    secrets = {},
  })
end

--- Where the registry is; nil if the platform has none.
---@return table? place
function Registration:place() return place_of(self) end

--- Gives the tenant the id that its own journal says it had, when the registry's row is gone because a run was undone.
--- An id is never given again, and another tenant that has it all the same is refused.
---@param id string
function Registration:remember(id)
  self.held, self.known = id, true
  self.run.tenant.id = id
  self:check()
end

-- Is it the registry's row of this tenant's name, and nothing else by which a row is found?
local function is_own_row(self, place, target)
  if target.database ~= place.database or target.table ~= place.table or target.column ~= place.id then return false end
  local fields = 0
  for _ in pairs(target.key) do
    fields = fields + 1
  end
  return fields == 1 and target.key[place.name] == self.run.tenant.name
end

--- The registry's row of the tenant, as its services have it: for an audit or a checklist while the registry does not
--- answer, which then sees what the id names in the other systems, and only reads.
---@param target any of an effect
---@return table? row nil: the target is another, or no service has an id
function Registration:witnessed(target)
  local run, place = self.run, place_of(self)
  if not place or not run.platform.witness or type(target) ~= "table" or not target.key then return nil end
  local id = is_own_row(self, place, target) and run.platform.witness(run.tenant)
  return id and { [place.id] = id, [place.name] = run.tenant.name } or nil
end

--- Hears what an allocation of this run read back in the transaction that wrote it: the registry holds that id for the
--- tenant's name, and need not be asked for it again.
---@param kind string of the effect
---@param target any
---@param row any what was read back; nil: it is gone
function Registration:hear(kind, target, row)
  local place = kind == "pg.allocated" and place_of(self)
  if place and is_own_row(self, place, target) then self.allocated = row and row[place.id] or nil end
end

--- Checks an id that a script gives to the tenant: the registry must hold it for the tenant's name. If the registry
--- does not answer, the tenant's services must have it, and the run may only read by it.
---@param id string
function Registration:confirm(id)
  local run, place = self.run, place_of(self)
  if not place or self.held == id or run.guide and (id_of(run.tenant) == id or run.guide.stand_in == id) then return end
  self.known = self.known or self.allocated == id
  if self.allocated == id then return end
  local ok, row = pcall(held_id, self, place)
  local held = ok and row and row[place.id]
  if not ok then
    if not (errors.is(row) and M.UNANSWERED[row.kind]) then error(row, 0) end
    held = run.platform.witness and run.platform.witness(run.tenant)
    if not held then refuse("tenant.id: the registry does not answer: " .. tostring(row), hint_of(place)) end
  end
  if held ~= id then
    local says = held and ("%s has %s"):format(run.tenant.name, tostring(held))
      or ("there is no %s"):format(run.tenant.name)
    refuse(("tenant.id: %s is not the tenant's: in the registry, %s"):format(id, says), "use registry.find(tenant)")
  end
  self.known = ok
end

--- The registry's row of the tenant, as its file has it: for a checklist that is printed while the registry does not
--- answer. People look first, and nothing is written.
---@param target any of an effect
---@return table? row nil: the target is another, or the file has no id
function Registration:assumed(target)
  local tenant, place = self.run.tenant, place_of(self)
  if not place or not id_of(tenant) or type(target) ~= "table" or not target.key then return nil end
  if target.database ~= place.database or target.table ~= place.table then return nil end
  if target.key[place.name] ~= tenant.name then return nil end
  return { [place.id] = tenant.id, [place.name] = tenant.name }
end

local function needs_id(place, kind)
  local module = kind:match "^[^.]+"
  for _, name in ipairs(place.by_id) do
    if name == module then return true end
  end
  return false
end

-- What of the tenant's file only the registry can tell to be no other tenant's.
local function unanswered_claim(self, place)
  for _, other in ipairs(self.asked and {} or place.others) do
    if other.claim then return other.claim end
  end
end

--- Refuses an effect on what the tenant's id names, unless the registry has confirmed the id; and any effect as long as
--- the registry has not answered whether what the file states is another tenant's. An audit and a checklist go on: they
--- have no effects.
---@param kind string of the effect
function Registration:require(kind)
  local run, place = self.run, place_of(self)
  if not place then return end
  local what = not self.known and needs_id(place, kind) and id_of(run.tenant) or unanswered_claim(self, place)
  if not what then return end
  local ok, rows = pcall(run.gate.read, run.gate, "pg.matching", target_of(self, place))
  if ok then
    self.asked = true
    return examine(self, place, rows or {})
  end
  if errors.is(rows) and rows.kind == "cancelled" then error(rows, 0) end
  local only_reads = run.auditing or run.guide -- and says itself what did not answer
  if only_reads and errors.is(rows) and M.UNANSWERED[rows.kind] then return end
  refuse(
    ("%s: whether %s is %s's is not certain: %s"):format(kind, what, run.tenant.name, tostring(rows)),
    hint_of(place)
  )
end

return M
