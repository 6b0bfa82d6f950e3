--- The lab's Route 53: hosted zones, record sets and changes by the REST API of 2013-04-01. Where the emulator it was
--- recorded from differs from the service's reference, this follows the reference.

local clock = require("o2x.base.clock")
local changes_of = require("lab.route53_changes")
local crypto = require("o2x.base.crypto")
local xml = require("o2x.base.xml")
local zones = require("lab.dns_zones")

local M = {}

local NAMESPACE <const> = "https://route53.amazonaws.com/doc/2013-04-01/"
local MAX_ITEMS <const> = 300

-- The service escapes "*".
local function wire_name(name) return (name:gsub("%*", "\\052")) end

local function zone_node(zone)
  return {
    "HostedZone",
    { "Id", "/hostedzone/" .. zone.id },
    { "Name", wire_name(zone.name) },
    { "CallerReference", zone.reference },
    { "Config", { "PrivateZone", tostring(zone.private == true) } },
    { "ResourceRecordSetCount", #zone.records },
  }
end

local function change_node(change)
  return {
    "ChangeInfo",
    { "Id", "/change/" .. change.id },
    { "Status", change.status },
    { "SubmittedAt", clock.iso(change.submitted, 3) },
  }
end

local function delegation_node(zone)
  local servers = { "NameServers" }
  for _, record in ipairs(zone.records) do
    if record.name == zone.name and record.type == "NS" then
      for _, server in ipairs(record.values) do
        servers[#servers + 1] = { "NameServer", (server:gsub("%.$", "")) }
      end
    end
  end
  return { "DelegationSet", servers }
end

local function record_node(record)
  local node = { "ResourceRecordSet", { "Name", wire_name(record.name) }, { "Type", record.type } }
  if record.set then node[#node + 1] = { "SetIdentifier", record.set } end
  for _, element in ipairs(record.extra or {}) do
    node[#node + 1] = element
  end
  if record.alias then return node end
  local values = { "ResourceRecords" }
  for _, value in ipairs(record.values) do
    values[#values + 1] = { "ResourceRecord", { "Value", value } }
  end
  node[#node + 1], node[#node + 2] = { "TTL", record.ttl }, values
  return node
end

local Api = {}
Api.__index = Api

--- An error response.
---@param status integer
---@param code string
---@param message string
---@return integer status
---@return table headers
---@return string body
function Api:problem(status, code, message) return self.aws.problem(status, code, message, NAMESPACE) end

--- An XML response.
---@param status integer
---@param node table
---@param headers table?
---@return integer status
---@return table headers
---@return string body
function Api:answer(status, node, headers) return self.aws.answer(status, node, NAMESPACE, headers) end

--- Lists hosted zones, from a name on if one is given.
---@param request table
---@return integer status
---@return table headers
---@return string body
function Api:list_zones(request)
  local list, first_name = { "HostedZones" }, request.query.dnsname and zones.canonical(request.query.dnsname)
  for _, zone in ipairs(self.store:list()) do
    if not first_name or zone.name >= first_name then list[#list + 1] = zone_node(zone) end
  end
  local by_name = request.path:find("hostedzonesbyname", 1, true)
  return self:answer(200, {
    by_name and "ListHostedZonesByNameResponse" or "ListHostedZonesResponse",
    list,
    { "IsTruncated", "false" },
    { "MaxItems", 100 },
  })
end

--- Creates a hosted zone.
---@param request table
---@return integer status
---@return table headers
---@return string body
function Api:create_zone(request)
  local ok, root = pcall(xml.parse, request.body)
  local name, reference = ok and root:value("Name"), ok and root:value("CallerReference")
  if not name or not reference then
    return self:problem(400, "InvalidInput", "Invalid XML ; a Name and a CallerReference are needed")
  end
  for _, zone in ipairs(self.store:list()) do
    if zone.reference == reference then
      return self:problem(409, "HostedZoneAlreadyExists", "A hosted zone has already been created with that reference")
    end
  end
  local zone = self.store:create(name, reference)
  zone.private = root:find("VPC") ~= nil or root:value("HostedZoneConfig", "PrivateZone") == "true"
  local change = self.store:change(zone, {})
  return self:answer(
    201,
    { "CreateHostedZoneResponse", zone_node(zone), change_node(change), delegation_node(zone) },
    { Location = "https://route53.amazonaws.com/2013-04-01/hostedzone/" .. zone.id }
  )
end

--- A hosted zone with its name servers.
---@param _ table request
---@param zone table
---@return integer status
---@return table headers
---@return string body
function Api:get_zone(_, zone)
  return self:answer(200, { "GetHostedZoneResponse", zone_node(zone), delegation_node(zone) })
end

-- A page starts at the name and type that the request gives.
local function starts_at(zone, query)
  if not query.name then return 1 end
  local name = zones.canonical(query.name)
  for i, record in ipairs(zone.records) do
    local here = record.name == name and (not query.type or record.type >= query.type)
    if here and (not query.identifier or record.type > query.type or (record.set or "") >= query.identifier) then
      return i
    end
  end
  local probe = { name = name, type = query.type or "" }
  for i, record in ipairs(zone.records) do
    if zones.before(probe, record) then return i end
  end
  return #zone.records + 1
end

--- Lists record sets, one page.
---@param request table
---@param zone table
---@return integer status
---@return table headers
---@return string body
function Api:list_records(request, zone)
  local limit = math.min(math.tointeger(tonumber(request.query.maxitems or MAX_ITEMS)) or MAX_ITEMS, MAX_ITEMS)
  local list, from = { "ResourceRecordSets" }, starts_at(zone, request.query)
  for i = from, math.min(#zone.records, from + limit - 1) do
    list[#list + 1] = record_node(zone.records[i])
  end
  local next_record = zone.records[from + limit]
  local node = { "ListResourceRecordSetsResponse", list, { "IsTruncated", tostring(next_record ~= nil) } }
  if next_record then
    node[#node + 1] = { "NextRecordName", wire_name(next_record.name) }
    node[#node + 1] = { "NextRecordType", next_record.type }
    if next_record.set then node[#node + 1] = { "NextRecordIdentifier", next_record.set } end
  end
  node[#node + 1] = { "MaxItems", limit }
  return self:answer(200, node)
end

--- Applies a batch of changes, all or none.
---@param request table
---@param zone table
---@return integer status
---@return table headers
---@return string body
function Api:change_records(request, zone)
  local ok, root = pcall(xml.parse, request.body)
  local batch = ok and root:find("ChangeBatch", "Changes")
  if not batch or #batch == 0 then
    return self:problem(400, "InvalidInput", "Invalid XML ; a ChangeBatch with Changes is needed")
  end
  local changes, code, message = changes_of.read(batch)
  if not changes then return self:problem(400, code, message) end
  local change, problems = self.store:change(zone, changes)
  if not change then return self:problem(400, "InvalidChangeBatch", "[" .. table.concat(problems, ", ") .. "]") end
  return self:answer(200, { "ChangeResourceRecordSetsResponse", change_node(change) })
end

--- The state of a change: PENDING or INSYNC.
---@param _ table request
---@param id string
---@return integer status
---@return table headers
---@return string body
function Api:get_change(_, id)
  local change = self.store:get_change(id)
  if not change then return self:problem(404, "NoSuchChange", ("Could not find resource with ID: %s"):format(id)) end
  return self:answer(200, { "GetChangeResponse", change_node(change) })
end

local ROUTES <const> = {
  { "GET", "^/hostedzone/?$", "list_zones" },
  { "GET", "^/hostedzonesbyname/?$", "list_zones" },
  { "POST", "^/hostedzone/?$", "create_zone" },
  { "GET", "^/hostedzone/([^/]+)$", "get_zone", zone = true },
  { "GET", "^/hostedzone/([^/]+)/rrset/?$", "list_records", zone = true },
  { "POST", "^/hostedzone/([^/]+)/rrset/?$", "change_records", zone = true },
  { "GET", "^/change/([^/]+)$", "get_change" },
}

local function seed(lab, store)
  local given = lab.seed or {}
  local domain = given.domain or "embrix.com"
  for _, zone in ipairs(store:list()) do
    if zone.name == zones.canonical(domain) then return end
  end
  store:seed(store:create(domain, crypto.hex(crypto.random(8))), given.dns or {})
end

--- The handler of requests signed for Route 53.
---@param lab table  `lab.seed`: { domain = "embrix.com", dns = { {name=, type=, ttl=, values=}, … } }
---@param aws table  lab.aws
---@return function
function M.handler(lab, aws)
  local api = setmetatable({ store = zones.open(lab), aws = aws }, Api)
  seed(lab, api.store)
  return function(request)
    local path = request.path:match("^/2013%-04%-01(/.*)$") or ""
    for _, route in ipairs(ROUTES) do
      local id = request.method == route[1] and path:match(route[2])
      if id then
        local zone = route.zone and api.store:by_id(id)
        if route.zone and not zone then
          return api:problem(404, "NoSuchHostedZone", ("No hosted zone found with ID: %s"):format(id))
        end
        return api[route[3]](api, request, zone or id)
      end
    end
    return api:problem(
      404,
      "UnknownOperationException",
      ("Unable to determine the operation of %s %s"):format(request.method, request.path)
    )
  end
end

return M
