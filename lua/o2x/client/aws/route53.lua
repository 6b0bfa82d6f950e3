--- A client of Route 53: zones, record sets, changes. A change is finished when it is INSYNC; looking a new name up
--- before that makes resolvers cache that it does not exist.

local access = require "o2x.client.aws.access"
local aws = require "o2x.client.aws.support"
local endpoint = require "o2x.client.aws.endpoint"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local paging = require "o2x.base.paging"
local task = require "o2x.base.task"
local xml = require "o2x.base.xml"

local M = {}

local NAMESPACE <const> = "https://route53.amazonaws.com/doc/2013-04-01/"
local REGION <const> = "us-east-1"
local INSYNC_SECONDS <const> = 600
local POLL <const> = { first = 0.2, factor = 1.6, longest = 10 }

--- The canonical form of a name: lower case, no final dot, `*` unescaped.
---@param name string
---@return string
function M.canonical(name) return (name:lower():gsub("\\052", "*"):gsub("%.$", "")) end

---@class o2x.route53
local Client = {}
Client.__index = Client

--- A client. Nothing is sent yet.
---@param options table credentials or keys (see support.sign), endpoint (Amazon's own), region (us-east-1), ca_file,
---  zones (ids to use where several have one name), pause (seconds before the first request is sent again)
---@return o2x.route53
function M.new(options)
  local region = options.region or REGION
  return setmetatable({
    options = options,
    endpoint = (options.endpoint or endpoint.amazon("route53", region)):gsub("/$", ""),
    region = endpoint.home(region),
    pause = options.pause or aws.PAUSE,
  }, Client)
end

-- ---- requests ----

local function send_once(client, method, path, body)
  return http.request(aws.sign({
    method = method,
    url = client.endpoint .. "/2013-04-01" .. path,
    headers = { ["Content-Type"] = body and "application/xml" or nil },
    body = body,
  }, client.options, "route53", client.region))
end

local function request(client, op, method, path, body)
  local response = aws.send(
    function() return send_once(client, method, path, body) end,
    client.pause,
    client.options.credentials
  )
  if response.status >= 300 then aws.fail("route53", "Route 53", op, response, nil, client.options.credentials) end
  return xml.parse(response.body, "Route 53's answer to " .. op)
end

-- ---- zones ----

local ANSWER <const> = "Route 53"

local function list_zones(client)
  local names, marker, listed = {}, nil, paging.new("Route 53's list of zones")
  repeat
    local root = request(
      client,
      "ListHostedZones",
      "GET",
      "/hostedzone" .. (marker and "?marker=" .. http.percent_encode(marker) or "")
    )
    local zones = aws.part(root, ANSWER, "HostedZones")
    for _, zone in ipairs(zones) do
      names[#names + 1] = {
        id = aws.need(zone, ANSWER, "Id"):match("[^/]*$"),
        name = M.canonical(aws.need(zone, ANSWER, "Name")),
        private = zone:value("Config", "PrivateZone") == "true",
      }
    end
    marker = root:value("IsTruncated") == "true" and aws.need(root, ANSWER, "NextMarker")
    marker = listed:next(marker or nil, #zones)
  until not marker
  return names
end

--- All hosted zones of the account.
---@return { id: string, name: string, private: boolean }[]
function Client:list_zones() return list_zones(self) end

-- Caches the public zones, because an account may send only five requests per second; lists them again when the wanted
-- one is missing.
local function find_zone(client, choose)
  local found = client.zones and choose(client.zones)
  if found then return found end
  local public = {}
  for _, zone in ipairs(list_zones(client)) do
    if not zone.private then public[#public + 1] = zone end
  end
  client.zones = public
  return choose(public)
end

local function no_zone(client, name)
  local others = {}
  for i, zone in ipairs(client.zones) do
    others[i] = zone.name
  end
  table.sort(others)
  errors.raise {
    kind = "failed",
    module = "route53",
    op = "zone",
    code = "NoSuchHostedZone",
    message = ("hosted zone %s not found; zones: %s"):format(name, others[1] and table.concat(others, ", ") or "none"),
    hint = "aws route53 list-hosted-zones",
  }
end

--- The public zone of exactly that name; raises an error that lists the existing zones.
---@param name string
---@return string id
function Client:zone(name)
  name = M.canonical(name)
  local found = find_zone(self, function(zones)
    for _, zone in ipairs(zones) do
      if zone.name == name then return zone end
    end
  end)
  return (found or no_zone(self, name)).id
end

--- The public zone that a name belongs to: the longest matching suffix, by whole labels.
---@param name string
---@return string id
---@return string zone
function Client:zone_of(name)
  name = M.canonical(name)
  local found = find_zone(self, function(zones)
    local best
    for _, zone in ipairs(zones) do
      local inside = name == zone.name or name:sub(-#zone.name - 1) == "." .. zone.name
      if inside and (not best or #zone.name > #best.name) then best = zone end
    end
    return best
  end)
  if not found then no_zone(self, name:match("([^.]+%.[^.]+)$") or name) end
  return found.id, found.name
end

-- ---- record sets ----

local function read_record(element)
  local record = {
    name = M.canonical(aws.need(element, ANSWER, "Name")),
    type = aws.need(element, ANSWER, "Type"),
    ttl = math.tointeger(tonumber(element:value("TTL") or "")),
    alias = element:value("AliasTarget", "DNSName"),
    set = element:value("SetIdentifier"),
    values = {},
  }
  for i, item in ipairs(element:find("ResourceRecords") or {}) do
    record.values[i] = aws.need(item, ANSWER, "Value")
  end
  table.sort(record.values)
  return record
end

--- The record sets of a zone, starting at a name.
---@param zone string id
---@param from string? name to begin at
---@param enough (fun(record: table): boolean)? stops the reading when it says so
---@return table[] records {name, type, ttl, values, alias, set}
function Client:records(zone, from, enough)
  local listed = paging.new("Route 53's list of the records of " .. zone)
  local records, query = {}, from and "?name=" .. http.percent_encode(from) or ""
  repeat
    local root = request(self, "ListResourceRecordSets", "GET", ("/hostedzone/%s/rrset%s"):format(zone, query))
    local elements = aws.part(root, ANSWER, "ResourceRecordSets")
    for _, element in ipairs(elements) do
      local record = read_record(element)
      if enough and enough(record) then return records end
      records[#records + 1] = record
    end
    local more = root:value("IsTruncated") == "true"
    query = more
        and ("?name=%s&type=%s"):format(
          http.percent_encode(aws.need(root, ANSWER, "NextRecordName")),
          http.percent_encode(aws.need(root, ANSWER, "NextRecordType"))
        )
      or nil
    local set = more and root:value("NextRecordIdentifier")
    if set then query = query .. "&identifier=" .. http.percent_encode(set) end
    query = listed:next(query, #elements)
  until not query
  return records
end

--- All record sets of one name, of any type.
---@param zone string id
---@param name string
---@return table[] records
function Client:records_of(zone, name)
  name = M.canonical(name)
  return self:records(zone, name, function(record) return record.name ~= name end)
end

-- ---- changes ----

local function change_node(change)
  local values = { "ResourceRecords" }
  for _, value in ipairs(change.values) do
    values[#values + 1] = { "ResourceRecord", { "Value", value } }
  end
  return {
    "Change",
    { "Action", change.action },
    { "ResourceRecordSet", { "Name", change.name }, { "Type", change.type }, { "TTL", change.ttl }, values },
  }
end

--- Submits a batch of changes; it is applied as a whole or not at all.
---@param zone string id
---@param changes { action: "CREATE"|"UPSERT"|"DELETE", name: string, type: string, ttl: integer, values: string[] }[]
---@param comment string? shown by the console
---@return string id of the change
function Client:change(zone, changes, comment)
  local nodes = { "Changes" }
  for _, change in ipairs(changes) do
    nodes[#nodes + 1] = change_node(change)
  end
  local batch = comment and { "ChangeBatch", { "Comment", comment }, nodes } or { "ChangeBatch", nodes }
  local body = xml.write({ "ChangeResourceRecordSetsRequest", batch }, NAMESPACE)
  local root = request(self, "ChangeResourceRecordSets", "POST", ("/hostedzone/%s/rrset/"):format(zone), body)
  return aws.need(root, ANSWER, "ChangeInfo", "Id"):match("[^/]*$")
end

--- The status of a change.
---@param id string
---@return string status "PENDING" or "INSYNC"
function Client:status(id)
  return request(self, "GetChange", "GET", "/change/" .. http.percent_encode(id)):value("ChangeInfo", "Status")
end

--- Waits until a change has reached every name server.
---@param id string
---@param seconds number? 600
function Client:wait_insync(id, seconds)
  local deadline, pause = task.now() + (seconds or INSYNC_SECONDS), POLL.first
  while self:status(id) ~= "INSYNC" do
    if task.now() + pause > deadline then
      errors.raise {
        kind = "timeout",
        module = "route53",
        op = "wait",
        retryable = true,
        message = ("Route 53: change %s is still not INSYNC after %d s"):format(id, seconds or INSYNC_SECONDS),
      }
    end
    task.sleep(pause)
    pause = math.min(POLL.longest, pause * POLL.factor)
  end
end

--- The Route 53 client of a run.
---@param config table
---@return table client
function M.for_run(config) return M.new(access.of(config, "route53")) end

return M
