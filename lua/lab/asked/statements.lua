--- What the lab's PostgreSQL was asked, from the log of a server in memory: statements that write are logged before
--- they are carried out (log_statement = mod: the server itself tells them from reads), all with their duration after.

local fs = require "o2x.base.fs"

local M = {}

local MARK <const> = "@lab@"

--- The setting log_line_prefix: session, time, database, user, application.
M.PREFIX = MARK .. "%c|%n|%d|%u|%a|"

local FIELDS <const> = "^([^|]*)|([%d.]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$"

-- The entries of the log: text that begins with the mark, up to the next one.
local function each_entry(text)
  return coroutine.wrap(function()
    local from = text:find(MARK, 1, true)
    while from do
      local stop = text:find("\n" .. MARK, from, true)
      coroutine.yield(text:sub(from + #MARK, (stop or #text + 1) - 1))
      from = stop and stop + 1
    end
  end)
end

-- "LOG:  statement: text", "LOG:  execute name: text", "LOG:  duration: 1 ms  execute name: text", "ERROR:  text"
local function parse(entry)
  local session, at, database, user, application, rest = entry:match(FIELDS)
  if not session then return nil end
  local level, message = rest:match "^(%u+):%s+(.*)$"
  local more = (message or ""):match "^duration: [%d.]+ ms%s*(.*)$"
  local statement = (more or message or ""):match "^statement: (.*)$"
    or (more or message or ""):match "^execute [^:]*: (.*)$"
  return {
    session = session,
    at = tonumber(at),
    database = database,
    user = user,
    application = application,
    level = level,
    message = message,
    ended = more ~= nil,
    statement = statement,
  }
end

-- The values of a statement come in a line of their own: "DETAIL:  parameters: $1 = 'x'".
local function add_parameters(list, entry)
  local values = entry.level == "DETAIL" and entry.message:match "^parameters: (.*)$"
  for i = values and #list or 0, 1, -1 do
    if list[i].session == entry.session then
      list[i].parameters = list[i].parameters or values
      return
    end
  end
end

local function request(entry, write)
  return {
    service = "postgres",
    session = entry.session,
    at = entry.at,
    method = (entry.statement:match "^[%s(]*(%a+)" or ""):upper(),
    target = entry.database,
    application = entry.application,
    text = entry.statement,
    write = write,
  }
end

--- The statements that the server was asked since it started, in their order.
---@param at table of lab.pg_server
---@param from integer? bytes of the log to leave out
---@return table[] requests service, session, method, target, application, text, parameters, write, status
---@return integer size of the log
function M.read(at, from)
  local text = (fs.read_if(at.log) or ""):sub((from or 0) + 1)
  local list, open = {}, {}
  for raw in each_entry(text) do
    local entry = parse(raw)
    if entry and entry.application ~= "o2x lab" then
      local pending = open[entry.session]
      if entry.level == "ERROR" or entry.level == "FATAL" then
        if pending then pending.status = "ERROR" end
        open[entry.session] = nil
      elseif entry.level == "LOG" and entry.statement and not entry.ended then
        list[#list + 1] = request(entry, true)
        open[entry.session] = list[#list]
      elseif entry.level == "LOG" and entry.ended and pending then
        pending.status, open[entry.session] = "OK", nil
      elseif entry.level == "LOG" and entry.ended and entry.statement then
        list[#list + 1] = request(entry, false)
        list[#list].status = "OK"
      else
        add_parameters(list, entry)
      end
    end
  end
  return list, (from or 0) + #text
end

return M
