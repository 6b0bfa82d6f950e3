--- A client of Route 53: zones, record sets, changes. A change is finished when it is INSYNC; looking a new name up
--- before that makes resolvers cache that it does not exist.

local access = require "o2x.client.aws.access"
local aws = require "o2x.client.aws.support"
local endpoint = require "o2x.client.aws.endpoint"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local paging = require "o2x.base.paging"
local dns_record = require "o2x.client.aws.record"
local retry = require "o2x.base.retry"
local task = require "o2x.base.task"
local xml = require "o2x.base.xml"

local M = {}

local NAMESPACE <const> = "https://route53.amazonaws.com/doc/2013-04-01/"
local REGION <const> = "us-east-1"
local INSYNC_SECONDS <const> = 600
local MOST_CHANGES <const>, MOST_VALUES <const>, MOST_CHARACTERS <const> = 1000, 1000, 32000 -- of a batch
-- Few looks at first, because all changes share an account's five requests a second.
local POLL <const> = { first = 0.02, factor = 4, longest = 5 }

--- The canonical form of a name.
---@param name string
---@return string
M.canonical = dns_record.name

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

-- What to do about a batch that was refused; outdated: the zone is not what the batch was made for.
local REMEDIES <const> = {
  { "not permitted at apex", "a zone's own name cannot be a CNAME: give it A records" },
  {
    "conflict",
    "a CNAME must be the only record of its name: take the other away, or choose another name",
    outdated = true,
  },
  { "it already exists", "somebody made it meanwhile: run again", outdated = true },
  { "but it was not found", "somebody took it away meanwhile: run again", outdated = true },
  { "do not match the current values", "somebody changed it meanwhile: run again", outdated = true },
  { "not permitted in zone", "choose a name in the zone" },
}

local function fail(client, op, response)
  local code, message = aws.problem(response)
  local _, err = pcall(aws.fail, "route53", "Route 53", op, response, nil, client.options.credentials)
  for _, remedy in ipairs(code == "InvalidChangeBatch" and REMEDIES or {}) do
    if message:find(remedy[1], 1, true) then
      errors.amend(err, { hint = remedy[2], outdated = remedy.outdated })
      break
    end
  end
  error(err, 0)
end

local function request(client, op, method, path, body)
  local response = aws.send(
    function() return send_once(client, method, path, body) end,
    client.pause,
    client.options.credentials
  )
  if response.status >= 300 then fail(client, op, response) end
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

local function no_such_zone(id)
  errors.input(
    ("aws.hosted_zones names %s, which is no hosted zone of this account"):format(id),
    "aws route53 list-hosted-zones shows the ids"
  )
end

-- The zones that count: the public ones, and those that the configuration names.
local function usable(client)
  local wanted, zones, listed = {}, {}, {}
  for _, id in ipairs(client.options.zones or {}) do
    wanted[id:match("[^/]*$")] = true
  end
  for _, zone in ipairs(list_zones(client)) do
    zone.wanted, listed[zone.id] = wanted[zone.id], true
    if zone.wanted or not zone.private then zones[#zones + 1] = zone end
  end
  for id in pairs(wanted) do
    if not listed[id] then no_such_zone(id) end
  end
  return zones
end

-- Several zones may have one name. Only one of them answers the world, and nothing here tells which.
local function only(found)
  local wanted, ids = {}, {}
  for i, zone in ipairs(found) do
    if zone.wanted then wanted[#wanted + 1] = zone end
    ids[i] = zone.id
  end
  if #wanted == 1 then return wanted[1] end
  if #found == 1 then return found[1] end
  table.sort(ids)
  local keep = "aws.hosted_zones names more than one of them: keep the one whose name servers answer (dig NS %s)"
  errors.raise {
    kind = "refused",
    module = "route53",
    op = "zone",
    code = "several",
    message = ("%d hosted zones are named %s: %s"):format(#found, found[1].name, table.concat(ids, ", ")),
    hint = #wanted > 1 and keep:format(found[1].name) or (
      "dig NS %s shows whose name servers answer; write that zone's id into o2x.yaml: "
      .. "aws: {hosted_zones: [%s]}"
    ):format(found[1].name, ids[1]),
  }
end

-- Caches the zones, because an account may send only five requests per second; lists them again when the wanted one is
-- missing.
local function find_zone(client, choose)
  local found = client.zones and choose(client.zones)
  if not found or not found[1] then
    client.zones = usable(client)
    found = choose(client.zones)
  end
  return found[1] and only(found)
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

--- The zone of exactly that name; raises an error that lists the existing zones, or those that have the name.
---@param name string
---@return string id
function Client:zone(name)
  name = M.canonical(name)
  local found = find_zone(self, function(zones)
    local named = {}
    for _, zone in ipairs(zones) do
      if zone.name == name then named[#named + 1] = zone end
    end
    return named
  end)
  return (found or no_zone(self, name)).id
end

--- The zone that a name belongs to: the longest matching suffix, by whole labels.
---@param name string
---@return string id
---@return string zone
function Client:zone_of(name)
  name = M.canonical(name)
  local found = find_zone(self, function(zones)
    local best = {}
    for _, zone in ipairs(zones) do
      local inside = name == zone.name or name:sub(-#zone.name - 1) == "." .. zone.name
      local longer = #zone.name - (best[1] and #best[1].name or 0)
      if inside and longer > 0 then
        best = { zone }
      elseif inside and longer == 0 then
        best[#best + 1] = zone
      end
    end
    return best
  end)
  if not found then no_zone(self, name:match("([^.]+%.[^.]+)$") or name) end
  return found.id, found.name
end

-- ---- record sets ----

-- What o2x writes; a record set that has anything else is somebody else's, and would lose it.
local PLAIN <const> = { Name = true, Type = true, TTL = true, ResourceRecords = true }
local POLICIES <const> = {
  { "AliasTarget", "alias" },
  { "TrafficPolicyInstanceId", "traffic policy" },
  { "Weight", "weighted" },
  { "Region", "latency" },
  { "Failover", "failover" },
  { "GeoLocation", "geolocation" },
  { "GeoProximityLocation", "geoproximity" },
  { "CidrRoutingConfig", "CIDR" },
  { "MultiValueAnswer", "multivalue" },
  { "HealthCheckId", "health check" },
}

-- The kind of a record set that is more than values, in a word; nil for a plain one.
local function policy_of(element)
  for _, policy in ipairs(POLICIES) do
    if element:find(policy[1]) then return policy[2] end
  end
  for _, child in ipairs(element) do
    if not PLAIN[child.name] then return child.name end
  end
end

local function read_record(element)
  local found = {
    name = M.canonical(aws.need(element, ANSWER, "Name")),
    type = aws.need(element, ANSWER, "Type"),
    ttl = math.tointeger(tonumber(element:value("TTL") or "")),
    alias = element:value("AliasTarget", "DNSName"),
    set = element:value("SetIdentifier"),
    policy = policy_of(element),
    values = {},
  }
  for i, item in ipairs(element:find("ResourceRecords") or {}) do
    found.values[i] = aws.need(item, ANSWER, "Value")
  end
  table.sort(found.values)
  return found
end

-- The query of the page after this one, in the order of its names, which the signature requires.
local function next_page(root)
  if root:value("IsTruncated") ~= "true" then return nil end
  local set = root:value("NextRecordIdentifier")
  return ("?%sname=%s&type=%s"):format(
    set and "identifier=" .. http.percent_encode(set) .. "&" or "",
    http.percent_encode(aws.need(root, ANSWER, "NextRecordName")),
    http.percent_encode(aws.need(root, ANSWER, "NextRecordType"))
  )
end

--- The record sets of a zone, starting at a name.
---@param zone string id
---@param from string? name to begin at
---@param enough (fun(record: table): boolean)? stops the reading when it says so
---@return table[] records {name, type, ttl, values, alias, set, policy}; policy: nil, or what makes the set more than
---  its values: "alias", "weighted" …
function Client:records(zone, from, enough)
  local listed = paging.new("Route 53's list of the records of " .. zone)
  local records, query = {}, from and "?name=" .. http.percent_encode(from) or ""
  repeat
    local root = request(self, "ListResourceRecordSets", "GET", ("/hostedzone/%s/rrset%s"):format(zone, query))
    local elements = aws.part(root, ANSWER, "ResourceRecordSets")
    for _, element in ipairs(elements) do
      local found = read_record(element)
      if enough and enough(found) then return records end
      records[#records + 1] = found
    end
    query = listed:next(next_page(root), #elements)
  until not query
  return records
end

--- All record sets of one name, of any type.
---@param zone string id
---@param name string
---@return table[] records
function Client:records_of(zone, name)
  name = M.canonical(name)
  return self:records(zone, name, function(found) return found.name ~= name end)
end

--- All record sets of a domain and of the names below it, which Route 53 lists one after the other.
---@param zone string id
---@param domain string
---@return table[] records
function Client:records_below(zone, domain)
  domain = M.canonical(domain)
  local ending = "." .. domain
  return self:records(
    zone,
    domain,
    function(found) return found.name ~= domain and found.name:sub(-#ending) ~= ending end
  )
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

-- Route 53 refuses a longer batch. An UPSERT counts twice.
local function check_size(changes)
  local values, characters = 0, 0
  for _, change in ipairs(changes) do
    local times = change.action == "UPSERT" and 2 or 1
    values = values + times * #change.values
    for _, value in ipairs(change.values) do
      characters = characters + times * #value
    end
  end
  if #changes <= MOST_CHANGES and values <= MOST_VALUES and characters <= MOST_CHARACTERS then return end
  errors.input(
    ("Route 53: a batch of %d changes with %d values and %d characters; at most %d, %d and %d are allowed"):format(
      #changes,
      values,
      characters,
      MOST_CHANGES,
      MOST_VALUES,
      MOST_CHARACTERS
    ),
    "split it"
  )
end

--- Submits a batch of changes; it is applied as a whole or not at all.
---@param zone string id
---@param changes { action: "CREATE"|"UPSERT"|"DELETE", name: string, type: string, ttl: integer, values: string[] }[]
---@param comment string? shown by the console
---@return string id of the change
function Client:change(zone, changes, comment)
  check_size(changes)
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
  local root = request(self, "GetChange", "GET", "/change/" .. http.percent_encode(id))
  return aws.need(root, ANSWER, "ChangeInfo", "Status")
end

-- A change that was accepted goes on without us: an answer that does not come is asked for again.
local function is_insync(client, id)
  local ok, status = pcall(client.status, client, id)
  if ok then return status == "INSYNC" end
  if not retry.may(status, true) then error(status, 0) end
  return false
end

--- Waits until a change has reached every name server.
---@param id string
---@param seconds number? 600
function Client:wait_insync(id, seconds)
  local deadline, pause = task.now() + (seconds or INSYNC_SECONDS), POLL.first
  while not is_insync(self, id) do
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
function M.for_run(config)
  local options = access.of(config, "route53")
  options.zones = config.aws.hosted_zones
  return M.new(options)
end

return M
