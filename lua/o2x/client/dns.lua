--- A DNS client. "No such name" is an answer; a server that does not answer is an error.

local breaker = require "o2x.base.breaker"
local core = require "o2x.core.dns"
local message = require "o2x.core.dnsmsg"
local errors = require "o2x.base.error"
local points = require "o2x.base.points"
local retry_rules = require "o2x.base.retry_rules"
local task = require "o2x.base.task"

local M = {}

local TYPES = {
  A = 1,
  NS = 2,
  CNAME = 5,
  SOA = 6,
  PTR = 12,
  MX = 15,
  TXT = 16,
  AAAA = 28,
  SRV = 33,
  OPT = 41,
  CAA = 257,
  ANY = 255,
}
local TYPE_NAMES = {}
for name, number in pairs(TYPES) do
  TYPE_NAMES[number] = name
end

local RCODES = { [0] = "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" }

local TIMEOUT <const> = 2
local TRIES <const> = 3

--- Record types by name, and the other way round.
M.types, M.type_names = TYPES, TYPE_NAMES

---@class dns.question
---@field name string
---@field type string?         "A" if absent
---@field servers string[]?    "127.0.0.1:5353"; the system's if absent
---@field timeout number?      seconds of the first try; each next one waits longer
---@field tries integer?
---@field tcp boolean?
---@field recurse boolean?     whether the server may ask others; true if absent

---@class dns.record
---@field name string   with the final dot, in the server's case
---@field type string
---@field ttl integer
---@field value string  as a zone file has it

---@class dns.answer
---@field rcode string          "NOERROR", "NXDOMAIN", "SERVFAIL", …
---@field authoritative boolean
---@field records dns.record[]  the answer section
---@field authority dns.record[]
---@field additional dns.record[]

local function name_types(records)
  for _, record in ipairs(records) do
    record.type = TYPE_NAMES[record.type] or ("TYPE%d"):format(record.type)
  end
  return records
end

--- Reads a DNS message.
---@param bytes string
---@return dns.answer|nil, string|nil message, string|nil code
function M.parse(bytes)
  local parsed, problem, code = message.parse(bytes)
  if not parsed then return nil, problem, code end
  parsed.rcode = RCODES[parsed.rcode] or ("RCODE%d"):format(parsed.rcode)
  parsed.records, parsed.answers = name_types(parsed.answers), nil
  name_types(parsed.authority)
  name_types(parsed.additional)
  name_types(parsed.questions)
  return parsed
end

local function type_number(name)
  local number = TYPES[tostring(name):upper()] or math.tointeger(tonumber(tostring(name):match("^TYPE(%d+)$")))
  if not number then
    errors.input(("unknown DNS record type %s"):format(name), "types: A AAAA CAA CNAME MX NS PTR SOA SRV TXT")
  end
  return number
end

-- The command that asks the same.
local function dig(question)
  local words, server = { "dig" }, question.servers and question.servers[1]
  if server then
    local host, port = server:match "^%[(.-)%]:(%d+)$"
    if not host then
      host, port = server:match "^([^:]+):(%d+)$"
    end
    words[2] = "@" .. (host or server)
    if port then words[3] = "-p " .. port end
  end
  words[#words + 1] = ("%s %s"):format(question.name, question.type or "A")
  return table.concat(words, " ")
end

-- Raises what the rules say of a code. All queries only read.
local function fail(code, text, question)
  local fields, means = retry_rules.judge("dns", { code = code }, true)
  fields = fields or { kind = "unreachable", retryable = false }
  fields.module, fields.op, fields.code = "dns", "query", code
  if question and fields.hint then fields.hint = fields.hint:gsub("^dig", (dig(question):gsub("%%", "%%%%"))) end
  fields.message = means and not text:find(means, 1, true) and ("%s: %s"):format(text, means) or text
  errors.raise(fields)
end

local function await(lookup, problem, code, seconds, what)
  local result
  if lookup then
    points.before("dns", what)
    result, problem, code = task.result(lookup, seconds)
    points.after("dns", what)
  end
  if result then return result end
  if code == "timeout" then code = "TIMEOUT" end
  fail(code, ("%s: %s"):format(what, code == "TIMEOUT" and "no answer in time" or problem))
end

--- Queries the records of a name and returns the server's answer, whatever its code.
---@param question dns.question
---@return dns.answer
function M.query(question)
  local kind = question.type or "A"
  local timeout, tries = question.timeout or TIMEOUT, question.tries or TRIES
  local servers = question.servers and table.concat(question.servers, ",")
  local what = ("DNS %s %s%s"):format(question.name, kind, servers and " at " .. servers or "")
  local number = type_number(kind)
  local function ask()
    local op, problem, code = core.query(
      question.name,
      number,
      servers,
      math.ceil(timeout * 1000),
      tries,
      question.tcp or false,
      question.recurse ~= false
    )
    return await(op, problem, code, timeout * 2 ^ tries, what)
  end
  local server = servers and "the name server " .. servers or "the system's name server"
  local answer, problem, code = M.parse(breaker.guard(server, ask))
  if not answer then
    errors.raise {
      kind = "failed",
      module = "dns",
      op = "query",
      code = code,
      message = ("%s: %s"):format(what, problem),
    }
  end
  answer.question = what
  return answer
end

-- The names whose records answer the question: the name itself, and where its CNAME records lead. What else a server
-- puts into its answer is not about the question.
local function answering_names(answer)
  local names, grown = {}, true
  for _, asked in ipairs(answer.questions) do
    names[asked.name:lower()] = true
  end
  while grown do
    grown = false
    for _, record in ipairs(answer.records) do
      if record.type == "CNAME" and names[record.name:lower()] and not names[record.value:lower()] then
        names[record.value:lower()], grown = true, true
      end
    end
  end
  return names
end

--- The values of a name's records of one type, sorted. A missing name or type gives an empty list and says which of the
--- two is missing.
---@param question dns.question
---@return string[] values, string|nil why "NXDOMAIN" or "NODATA" when there are none
function M.values(question)
  local answer = M.query(question)
  if answer.rcode == "NXDOMAIN" then return {}, "NXDOMAIN" end
  if answer.rcode ~= "NOERROR" then
    fail(answer.rcode, ("%s: the server answered %s"):format(answer.question, answer.rcode), question)
  end
  local kind, values, names = (question.type or "A"):upper(), {}, answering_names(answer)
  for _, record in ipairs(answer.records) do
    if record.type == kind and names[record.name:lower()] then values[#values + 1] = record.value end
  end
  table.sort(values)
  return values, not values[1] and "NODATA" or nil
end

--- The addresses of a host, resolved as the system does it: the hosts file first.
---@param name string
---@param timeout number? seconds
---@return string[] addresses
function M.addresses(name, timeout)
  timeout = timeout or TIMEOUT
  local op, problem, code = core.addresses(name, math.ceil(timeout * 1000), TRIES)
  return await(op, problem, code, timeout * 2 ^ TRIES, "host " .. name)
end

-- The NS records of the name itself; those of a CNAME's target belong to another zone.
local function own_servers(name)
  local servers = {}
  for _, record in ipairs(M.query({ name = name, type = "NS" }).records) do
    if record.type == "NS" and record.name:lower() == name:lower() .. "." then servers[#servers + 1] = record.value end
  end
  return servers
end

-- The name servers of the zone that holds a name: those of the closest parent that has NS records.
local function zone_servers(name)
  local rest = name:gsub("%.$", "")
  while rest and rest:find(".", 1, true) do
    local servers = own_servers(rest)
    if servers[1] then return servers end
    rest = rest:match("^[^.]+%.(.+)$")
  end
  errors.raise {
    kind = "failed",
    module = "dns",
    op = "authoritative",
    code = "ENOZONE",
    message = ("no DNS zone found for %s"):format(name),
  }
end

local function query_directly(name, kind, servers)
  return (M.values({ name = name, type = kind, servers = servers, recurse = false }))
end

--- Queries every authoritative server of a name's zone directly, past all caches.
---@param name string
---@param kind string record type
---@param servers string[]|nil the servers to query; if absent, those that the zone names
---@return table<string, string[]> values by server
function M.authoritative(name, kind, servers)
  local result = {}
  if servers then
    local values = task.each(servers, function(server) return query_directly(name, kind, { server }) end)
    for i, server in ipairs(servers) do
      result[server] = values[i]
    end
    return result
  end
  local names = zone_servers(name)
  local values = task.each(
    names,
    function(server) return query_directly(name, kind, M.addresses((server:gsub("%.$", "")))) end
  )
  for i, server in ipairs(names) do
    result[server:gsub("%.$", "")] = values[i]
  end
  return result
end

return M
