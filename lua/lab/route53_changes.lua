--- The lab's Route 53 reads one change of a batch and refuses what the service refuses, in its words.

local wire = require("lab.dns_wire")
local zones = require("lab.dns_zones")

local M = {}

local ACTIONS <const> = { CREATE = true, DELETE = true, UPSERT = true }
local LONGEST_TTL <const> = 2147483647
local LONGEST_STRING <const>, LONGEST_VALUE <const> = 255, 4000
local MOST_CHANGES <const>, MOST_VALUES <const>, MOST_CHARACTERS <const> = 1000, 1000, 32000

-- What makes a record set one of several of its name and type; each needs a SetIdentifier.
local POLICIES <const> = {
  "Weight",
  "Region",
  "Failover",
  "GeoLocation",
  "MultiValueAnswer",
  "GeoProximityLocation",
  "CidrRoutingConfig",
}

local function invalid(message) return nil, "InvalidChangeBatch", "[" .. message .. "]" end

local function bad_input(message, ...) return nil, "InvalidInput", "Invalid request: " .. message:format(...) end

local function bad_value(problem, value)
  return invalid(("Invalid Resource Record: 'FATAL problem: %s' encountered with '%s'"):format(problem, value))
end

-- The quoted strings of a TXT value, without their quotation marks; nil if it is anything else.
local function strings_of(text)
  local strings, at = {}, 1
  while at <= #text do
    local from = text:match('^%s*"()', at)
    if not from then return nil end
    local close = from
    while close <= #text and text:sub(close, close) ~= '"' do
      close = close + (text:sub(close, close) == "\\" and 2 or 1)
    end
    if close > #text then return nil end
    strings[#strings + 1] = text:sub(from, close - 1):gsub("\\%d%d%d", "x"):gsub("\\(.)", "%1")
    at = close + 1
  end
  return strings[1] and strings
end

local function problem_of_text(value)
  local strings = strings_of(value)
  if not strings then return "InvalidCharacterString (Value should be enclosed in quotation marks)" end
  for _, each in ipairs(strings) do
    if #each > LONGEST_STRING then return "CharacterStringTooLong (Value is too long)" end
  end
end

local function problem_of_value(kind, value)
  if #value > LONGEST_VALUE then return "ValueTooLong (Value is too long)" end
  if kind == "TXT" then return problem_of_text(value) end
  if not wire.valid(kind, value) then return kind .. "RRDATAInvalid (Value is not valid)" end
end

local function problem_of_name(name)
  if #name > 255 then return "DomainNameTooLong (Domain name is too long)" end
  for label in name:gmatch("[^.]+") do
    if #label > 63 then return "DomainLabelTooLong (Domain label is too long)" end
  end
  if name:find("..", 1, true) or name:sub(1, 1) == "." then return "DomainLabelEmpty (Domain label is empty)" end
  if name:find("[^%w%-_%.%*!\"#$%%&'()+,/:;<=>?@%[%]\\^`{|}~]") then
    return "UnsupportedCharacter (Value contains unsupported characters)"
  end
end

local function read_values(record, elements)
  local seen = {}
  for i, item in ipairs(elements) do
    local value = item:value("Value") or ""
    local problem = problem_of_value(record.type, value)
    if problem then return bad_value(problem, value) end
    if seen[value] then return invalid(("Duplicate Resource Record: '%s'"):format(value)) end
    seen[value], record.values[i] = true, value
  end
  return record
end

-- The elements of the service that are kept as they came.
local function copy(element)
  local node = { element.name }
  for _, child in ipairs(element) do
    node[#node + 1] = copy(child)
  end
  if not element[1] then node[2] = element.text:match("^%s*(.-)%s*$") end
  return node
end

local function read_policies(record, set)
  local found
  for _, name in ipairs(POLICIES) do
    local element = set:find(name)
    if element then
      found = name
      record.extra[#record.extra + 1] = copy(element)
    end
  end
  record.policy = found
  return found
end

-- One change as the request has it; or nil, a code and a message.
local function read_set(action, set)
  local name, kind = set and set:value("Name"), set and set:value("Type")
  if not ACTIONS[action] or not name or not wire.type_number(kind or "") then return bad_input("%s", "not a change") end
  local where = ("Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]"):format(
    action,
    name,
    kind,
    set:value("SetIdentifier") or "null"
  )
  local record =
    { name = zones.canonical(name), type = kind, values = {}, extra = {}, set = set:value("SetIdentifier") }
  local policy = read_policies(record, set)
  if (policy ~= nil) ~= (record.set ~= nil) then
    return bad_input(
      policy and "Missing field 'SetIdentifier' in %s"
        or "Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer], but found none in %s",
      where
    )
  end
  for _, other in ipairs { "AliasTarget", "HealthCheckId" } do
    if set:find(other) then record.extra[#record.extra + 1] = copy(set:find(other)) end
  end
  record.alias = set:value("AliasTarget", "DNSName")
  local ttl, elements = set:value("TTL"), set:find("ResourceRecords")
  if (record.alias ~= nil) == (ttl ~= nil or elements ~= nil) or not record.alias and not (ttl and elements) then
    return bad_input(
      "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], "
        .. "but found %s in %s",
      record.alias and "more than one" or "none",
      where
    )
  end
  if record.alias then return record end
  record.ttl = math.tointeger(tonumber(ttl))
  if not record.ttl or record.ttl < 0 or record.ttl > LONGEST_TTL then
    return bad_input("Invalid TTL %s in %s", ttl, where)
  end
  if #elements == 0 then return bad_input("ResourceRecords is empty in %s", where) end
  if kind == "CNAME" and #elements > 1 then
    return invalid(
      ("RRSet of type CNAME with DNS name %s is not permitted to have more than one value"):format(record.name)
    )
  end
  return read_values(record, elements)
end

local function read(element)
  local action = element:value("Action")
  local record, code, message = read_set(action, element:find("ResourceRecordSet"))
  if not record then return nil, code, message end
  local problem = problem_of_name(record.name)
  if problem then
    return invalid(("Invalid Resource Record: 'FATAL problem: %s' encountered with '%s'"):format(problem, record.name))
  end
  return { action = action, record = record }
end

local function problem_of_size(changes)
  local values, characters = 0, 0
  for _, change in ipairs(changes) do
    local times = change.action == "UPSERT" and 2 or 1
    values = values + times * #change.record.values
    for _, value in ipairs(change.record.values) do
      characters = characters + times * #value
    end
  end
  if #changes > MOST_CHANGES or values > MOST_VALUES then
    return ("Number of records limit of %d exceeded."):format(MOST_VALUES)
  end
  if characters > MOST_CHARACTERS then return ("Number of characters limit of %d exceeded."):format(MOST_CHARACTERS) end
end

--- The changes of a batch.
---@param batch xml.element its Changes
---@return {action: string, record: table}[]|nil changes nil if one is refused
---@return string? code
---@return string? message
function M.read(batch)
  local changes = {}
  for i, element in ipairs(batch) do
    local change, code, message = read(element)
    if not change then return nil, code, message end
    changes[i] = change
  end
  local problem = problem_of_size(changes)
  if problem then return invalid(problem) end
  return changes
end

return M
