--- What can go wrong with the requests of a run: the faults of the lab that fit each of them.

local crypto = require "o2x.base.crypto"
local drawn = require "o2x.prove.drawn"

local M = {}

-- reads: it fits a request that only reads, too. For a name server there are only reads.
local HTTP <const> = {
  { "429", reads = true },
  { "409" },
  { "500", reads = true },
  { "drop", reads = true },
  { "drop-after", reads = true },
  { "timeout" },
  { "refused", reads = true },
  { "truncated", reads = true },
  { "restart" },
}

local DNS <const> = {
  { "servfail", reads = true },
  { "silent", reads = true },
  { "truncated", reads = true },
}

-- Of statements; commit: it fits the end of a transaction, connect: the start of a session.
local POSTGRES <const> = {
  { "cut", reads = true, commit = true, connect = true },
  { "cut-after", reads = true, commit = true },
  { "timeout", commit = true },
  { "truncated", reads = true, commit = true },
  { "restart", commit = true },
  { "57P01", reads = true, commit = true, connect = true }, -- the server ends the session
  { "53300", connect = true, only = true }, -- too many connections
  { "40001", commit = true }, -- not serializable
  { "40P01" }, -- a deadlock
  { "25006" }, -- read only
  { "53100" }, -- the disk is full
}

local REDIS <const> = {
  { "cut", reads = true },
  { "cut-after", reads = true },
  { "timeout" },
  { "truncated", reads = true },
  { "LOADING", reads = true },
  { "BUSY", reads = true },
  { "MOVED", reads = true },
  { "READONLY" },
  { "OOM" },
}

local OF_SERVICE <const> = { dns = DNS, postgres = POSTGRES, redis = REDIS }

-- Seconds that a server is down or slow. In a fork time passes ten times as fast: what it takes for a second must not
-- be ten seconds of its patience.
local DOWN <const> = 0.1

--- What the lab is told for a case.
---@param case table
---@return table fault
function M.rule(case)
  return { service = case.service, kind = case.fault, match = case.match, nth = case.nth, seconds = DOWN }
end

--- The faults of a service: kind and what it fits.
---@param service string
---@return { [1]: string, reads: boolean?, commit: boolean?, connect: boolean?, only: boolean? }[]
function M.of_service(service) return OF_SERVICE[service] or HTTP end

local SQL_READS <const> = {
  SELECT = true,
  SHOW = true,
  SET = true,
  BEGIN = true,
  START = true,
  ROLLBACK = true,
  SAVEPOINT = true,
  RELEASE = true,
  FETCH = true,
  DECLARE = true,
  CLOSE = true,
  RESET = true,
  DISCARD = true,
  LISTEN = true,
  VALUES = true,
}
local REDIS_READS <const> = {
  AUTH = true,
  CLIENT = true,
  CONFIG = true,
  DBSIZE = true,
  EXISTS = true,
  GET = true,
  HELLO = true,
  INFO = true,
  PING = true,
  PTTL = true,
  SCAN = true,
  SELECT = true,
  TTL = true,
  TYPE = true,
}

local ACL_READS <const> = { DRYRUN = true, WHOAMI = true }

local function reads_redis(word, text)
  return REDIS_READS[word] or word == "ACL" and ACL_READS[(text:match "%a+%s+(%a+)" or ""):upper()]
end

--- What a statement or command is to a fault: "connect", "commit", "read" or "write". What is not known to read only
--- writes.
---@param service string
---@param text string
---@return "connect"|"commit"|"read"|"write"
function M.role_of(service, text)
  local word = (text:match "%a+" or ""):upper()
  if service == "redis" then return reads_redis(word, text) and "read" or "write" end
  if word == "CONNECT" then return "connect" end
  if word == "COMMIT" or word == "END" then return "commit" end
  return SQL_READS[word] and "read" or "write"
end

local function fits(fault, role)
  if role == "write" then return not fault.only end
  return fault[role == "read" and "reads" or role] == true
end

-- What differs from run to run and from lab to lab ends the part of a text by which a fault finds it.
local VARYING <const> = { "R%-%d%d%d%d", "%x%x%x%x%x%x%x%x", "%d%d%d%d%d", "\n" }

local function stable_part(text)
  local stop = #text
  for _, pattern in ipairs(VARYING) do
    local at = text:find(pattern)
    if at and at <= stop then stop = at - 1 end
  end
  return text:sub(1, stop)
end

-- Statements that differ in their values only are of one shape.
local function shape_of(text) return (text:gsub("'[^']*'", "?"):gsub("%d+", "?"):gsub("%s+", " ")) end

local function short(text)
  text = text:gsub("%s+", " ")
  return #text > 60 and text:sub(1, 57) .. "..." or text
end

-- A case is named by what goes wrong, not by its place among all: parallel steps take turns as they like, and the
-- command that plays it again must find it.
local function name_of(service, match, nth, fault)
  local what = ("%s %s %d"):format(service, match, nth)
  return ("%s-%s"):format(crypto.sha256(what):sub(1, 8), fault)
end

-- A request to a pod is found by what comes before the drawn part of its name.
local function add_request(list, request, nth, unfit)
  local match = ("%s %s"):format(request.method, request.target)
  match = match:sub(1, match:find(drawn.POD) or #match)
  local line = ("%s %s"):format(request.service, match)
  nth[line] = (nth[line] or 0) + 1
  for _, fault in ipairs(M.of_service(request.service)) do
    local exists = unfit[request.service .. " " .. fault[1]] ~= false
    if exists and not fault.only and (fault.reads or request.write) then
      list[#list + 1] = {
        name = name_of(request.service, match, nth[line], fault[1]),
        service = request.service,
        fault = fault[1],
        match = match,
        nth = nth[line],
        line = line,
      }
    end
  end
end

-- A fault counts the statements in which it finds its text.
local function times_before(log, i, part)
  local count = 0
  for n = 1, i do
    local other = log[n]
    if other.statement and other.service == log[i].service and other.statement:find(part, 1, true) then
      count = count + 1
    end
  end
  return count
end

local function add_statement(list, log, i)
  local request = log[i]
  local part, role = stable_part(request.statement), M.role_of(request.service, request.statement)
  local times = times_before(log, i, part)
  for _, fault in ipairs(M.of_service(request.service)) do
    if fits(fault, role) then
      list[#list + 1] = {
        name = name_of(request.service, part, times, fault[1]),
        service = request.service,
        fault = fault[1],
        match = part,
        nth = times,
        line = ("%s %s"):format(request.service, short(request.statement)),
        relayed = true,
      }
    end
  end
end

-- Of the statements of one shape the first and the last: the numbers of their entries.
local function chosen_statements(log)
  local first, last, chosen, same = {}, {}, {}, 0
  for i, request in ipairs(log) do
    if request.statement then
      local shape = request.service .. " " .. shape_of(request.statement)
      same = same + (first[shape] and first[shape] ~= last[shape] and 1 or 0)
      first[shape], last[shape] = first[shape] or i, i
    end
  end
  for _, numbers in ipairs { first, last } do
    for _, i in pairs(numbers) do
      chosen[i] = true
    end
  end
  return chosen, same
end

--- Whether a service's faults are those of single statements: its own log of them tells nothing of the moment.
---@param service string
---@return boolean
function M.by_statement(service) return service == "postgres" or service == "redis" end

--- The cases of a log.
---@param log table[] of the undisturbed run: requests (method, target, write), and statements and commands (statement)
---@param unfit table<string, boolean> "SERVICE KIND" → false: the lab has no such fault
---@return table[] cases name, service, fault, match, nth, line, relayed: its clients go through the relays
---@return integer same statements of the same shape as one that is played
function M.of(log, unfit)
  local list, nth = {}, {}
  local chosen, same = chosen_statements(log)
  for i, request in ipairs(log) do
    if request.statement then
      if chosen[i] then add_statement(list, log, i) end
    elseif request.method and not M.by_statement(request.service) then
      add_request(list, request, nth, unfit)
    end
  end
  return list, same
end

return M
