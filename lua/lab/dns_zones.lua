--- The lab's DNS zones, which Route 53 lists and changes and the name server serves. A change is visible to the API at
--- once and to the name server when it is INSYNC, a moment later, as with the real service.

local M = {}

local PROPAGATION <const> = 0.2 -- seconds of the lab's clock; a test may set another in the state
local NAME_SERVERS <const> =
  { "ns-2048.awsdns-64.com.", "ns-2049.awsdns-65.net.", "ns-2050.awsdns-66.org.", "ns-2051.awsdns-67.co.uk." }
local SOA <const> = "ns-2048.awsdns-64.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"

--- The canonical form of a name: lower case, final dot, "*" unescaped.
---@param name string
---@return string
function M.canonical(name)
  name = name:lower():gsub("\\052", "*")
  return name:sub(-1) == "." and name or name .. "."
end

--- Whether a name is the zone's apex or below it.
---@param name string
---@param zone string the zone's name
---@return boolean
function M.within(name, zone) return name == zone or name:sub(-#zone - 1) == "." .. zone end

-- Route 53 sorts by labels from the right.
local function sort_key(record)
  local labels = {}
  for label in record.name:gmatch("[^.]+") do
    table.insert(labels, 1, label)
  end
  return table.concat(labels, "\1") .. "\0" .. record.type .. "\0" .. (record.set or "")
end

--- Whether one record sorts before another in Route 53's order.
---@param a table
---@param b table
---@return boolean
function M.before(a, b) return sort_key(a) < sort_key(b) end

--- The place of the first record of a name or of names below it, which follow one another in Route 53's order.
---@param records table[] in that order
---@param name string in canonical form
---@return integer index of the record that comes after them, if there is none
function M.first_within(records, name)
  local probe, low, high = sort_key { name = name, type = "" }, 1, #records + 1
  while low < high do
    local middle = (low + high) // 2
    if sort_key(records[middle]) < probe then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

local function find(records, wanted)
  for i, record in ipairs(records) do
    if record.name == wanted.name and record.type == wanted.type and record.set == wanted.set then return record, i end
  end
end

local function put(records, record)
  local _, index = find(records, record)
  if index then
    records[index] = record
  else
    table.insert(records, record)
    table.sort(records, M.before)
  end
end

local function remove(records, record)
  local _, index = find(records, record)
  if index then table.remove(records, index) end
end

local function apply(records, changes)
  for _, change in ipairs(changes) do
    if change.action == "DELETE" then
      remove(records, change.record)
    else
      put(records, change.record)
    end
  end
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for key, item in pairs(value) do
    result[key] = copy(item)
  end
  return result
end

local function same_values(a, b)
  local function key(record)
    local values = { table.unpack(record.values) }
    table.sort(values)
    return table.concat({ record.ttl or "", record.alias or "", record.policy or "", table.unpack(values) }, "\0")
  end
  return key(a) == key(b)
end

---@class lab.dns_zones
local Zones = {}
Zones.__index = Zones

--- Opens the lab's zones. All callers share one state.
---@param lab table
---@return lab.dns_zones
function M.open(lab)
  local state = lab.state("route53")
  state.zones, state.changes = state.zones or {}, state.changes or {}
  return setmetatable({ lab = lab, state = state }, Zones)
end

local function identifier(prefix)
  local letters = {}
  for i = 1, 14 do
    letters[i] = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"):byte(math.random(36))
  end
  return prefix .. string.char(table.unpack(letters))
end

--- Creates a zone with its NS and SOA records.
---@param name string
---@param reference string the caller reference
---@return table zone
function Zones:create(name, reference)
  name = M.canonical(name)
  local zone = {
    id = identifier("Z"),
    name = name,
    reference = reference,
    records = {
      { name = name, type = "NS", ttl = 172800, values = copy(NAME_SERVERS) },
      { name = name, type = "SOA", ttl = 900, values = { SOA } },
    },
  }
  zone.served = copy(zone.records)
  table.insert(self.state.zones, zone)
  self.lab.save("route53")
  return zone
end

--- All zones.
---@return table[] zones {id, name, reference, records, served}
function Zones:list() return self.state.zones end

--- The zone with an id.
---@param id string
---@return table|nil zone
function Zones:by_id(id)
  for _, zone in ipairs(self.state.zones) do
    if zone.id == id then return zone end
  end
end

--- The most specific zone that contains a name.
---@param name string in canonical form
---@return table|nil zone
function Zones:holding(name)
  local best
  for _, zone in ipairs(self.state.zones) do
    if M.within(name, zone.name) and (not best or #zone.name > #best.name) then best = zone end
  end
  return best
end

-- Plain sets and those with identifiers, and those of two policies, cannot have one name and type.
local function clash_of(other, record)
  if other.policy == record.policy then return nil end
  if record.policy == "MultiValueAnswer" then
    return (
      "RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created because a non multivalue answer rrset "
      .. "exists with the same name and type."
    ):format(record.name, record.type, record.set)
  end
  return (
    "RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created as other RRSets exist with the same "
    .. "name and type."
  ):format(record.name, record.type, record.set or "null")
end

local function conflict_of(zone, records, record)
  for _, other in ipairs(records) do
    if other.name == record.name and other.type == record.type then
      local clash = clash_of(other, record)
      if clash then return clash end
    elseif other.name == record.name then
      if record.type == "CNAME" then
        return (
          "RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records "
          .. "with the same DNS name in zone %s"
        ):format(record.name, zone.name)
      elseif other.type == "CNAME" then
        return (
          "RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of type CNAME "
          .. "with the same DNS name already exists in zone %s"
        ):format(record.type, record.name, zone.name)
      end
    end
  end
end

local function problem_of_delete(zone, current, record, label)
  if not current then return ("Tried to delete resource record set %s but it was not found"):format(label) end
  if not same_values(current, record) then
    return ("Tried to delete resource record set %s but the values provided do not match the current values"):format(
      label
    )
  end
  if record.name == zone.name and (record.type == "NS" or record.type == "SOA") then
    return ("A HostedZone must contain at least one %s record for the zone itself."):format(record.type)
  end
end

-- The real service's message about an invalid change; nil if it is valid. `records` is the zone after the batch's
-- earlier changes.
local function problem_of(zone, records, change)
  local record = change.record
  local current = find(records, record)
  local set = record.set and (", set identifier='%s'"):format(record.set) or ""
  local label = ("[name='%s', type='%s'%s]"):format(record.name, record.type, set)
  if not M.within(record.name, zone.name) then
    return ("RRSet with DNS name %s is not permitted in zone %s"):format(record.name, zone.name)
  elseif change.action == "DELETE" then
    return problem_of_delete(zone, current, record, label)
  elseif change.action == "CREATE" and current then
    return ("Tried to create resource record set %s but it already exists"):format(label)
  elseif record.type == "CNAME" and record.name == zone.name then
    return ("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s"):format(record.name, zone.name)
  end
  return conflict_of(zone, records, record)
end

--- Applies a batch of changes: all of them or, if one is invalid, none.
---@param zone table
---@param changes {action: string, record: table}[]
---@return table|nil change {id, status, submitted}
---@return string[]|nil problems
function Zones:change(zone, changes)
  local records, problems = copy(zone.records), {}
  for _, change in ipairs(changes) do
    local problem = problem_of(zone, records, change)
    if problem then
      problems[#problems + 1] = problem
    else
      apply(records, { change })
    end
  end
  if problems[1] then return nil, problems end
  zone.records = records
  local now = self.lab.clock()
  local change = {
    id = identifier("C"),
    status = "PENDING",
    submitted = now,
    due = now + (self.state.propagation or PROPAGATION),
    zone = zone.id,
    changes = changes,
  }
  table.insert(self.state.changes, change)
  self.lab.save("route53")
  return change
end

--- Moves the changes whose propagation time is over to the name server.
function Zones:settle()
  local now = self.lab.clock()
  for _, change in ipairs(self.state.changes) do
    if change.status == "PENDING" and change.due <= now then
      local zone = self:by_id(change.zone)
      if zone then apply(zone.served, change.changes) end
      change.status, change.changes = "INSYNC", nil
      self.lab.save("route53")
    end
  end
  while #self.state.changes > 1000 and self.state.changes[1].status == "INSYNC" do
    table.remove(self.state.changes, 1)
  end
end

--- The change with an id.
---@param id string
---@return table|nil change
function Zones:get_change(id)
  self:settle()
  for _, change in ipairs(self.state.changes) do
    if change.id == id then return change end
  end
end

-- Adds records that are new, and sorts once.
local function add_all(records, new)
  table.move(new, 1, #new, #records + 1, records)
  table.sort(records, M.before)
end

--- Adds records of names that have none, as the zone keeps them, at once and without a change.
---@param zone table
---@param records table[]
function Zones:load(zone, records)
  add_all(zone.records, records)
  add_all(zone.served, copy(records))
  self.lab.save("route53")
end

--- Adds records at once, without a change.
---@param zone table
---@param records table[] {name, type, ttl, values}
function Zones:seed(zone, records)
  for _, given in ipairs(records) do
    local record =
      { name = M.canonical(given.name), type = given.type, ttl = given.ttl or 300, values = copy(given.values) }
    put(zone.records, record)
    put(zone.served, copy(record))
  end
  self.lab.save("route53")
end

return M
