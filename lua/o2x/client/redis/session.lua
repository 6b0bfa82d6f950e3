--- The conversation of a client with its server: one connection, opened on demand and again after a failure; commands
--- and their replies; the pages of a walk. One task at a time, because replies come in the order of the commands.

local breaker = require "o2x.base.breaker"
local core = require "o2x.core.redis"
local errors = require "o2x.base.error"
local net = require "o2x.base.net"
local retry_rules = require "o2x.base.retry_rules"
local points = require "o2x.base.points"
local task = require "o2x.base.task"

local M = {}

-- ---- errors ----

-- Errors after which another connection may lead to another server, or the server ends this one.
local DROPS = { NOAUTH = true, WRONGPASS = true, READONLY = true, MASTERDOWN = true, CLUSTERDOWN = true }

--- The server, as errors name it.
---@param client table
---@return string
function M.where(client) return ("Redis at %s:%d"):format(client.place.host, client.place.port) end

-- The error of a word of Redis. All commands that o2x sends may be sent twice, so none counts as a write.
local function new_error(client, op, code, text)
  local fields, means = retry_rules.judge("redis", { code = code, text = text }, true)
  fields = fields or { kind = "failed", retryable = false }
  fields.module, fields.op, fields.code = "redis", op, code
  fields.message = ("%s: %s"):format(M.where(client), means and ("%s: %s"):format(means, text) or text)
  return errors.new(fields)
end

local function refused(client, text)
  local word = text:match("^(%u+)")
  if text:find("^ERR invalid password") or text:find("^ERR .*without any password") then word = "WRONGPASS" end
  return new_error(client, "command", word, text), DROPS[word] or text:find("max number of clients", 1, true) ~= nil
end

local function broken(client, message)
  M.close(client)
  error(new_error(client, "session", "session", message), 0)
end

-- After an answer that cannot be one, what else the server sends cannot be told apart any more.
local function odd_answer(client, kind, message)
  M.close(client)
  errors.raise { kind = kind, module = "redis", op = "scan", message = message }
end

-- ---- the loop over the native steps ----

local function wait(client, events)
  local ready, message = task.wait_fd(client.connection:fd(), events, client.timeout)
  if not ready then broken(client, message == "timeout" and "no answer in time" or message) end
end

local function step(client, fn)
  while true do
    local done, what = fn(client.core)
    if done then return end
    if done == nil then broken(client, what) end
    wait(client, what)
  end
end

-- Asks take for the next reply until it has arrived. -> what take gives
local function receive(client, take, ...)
  while true do
    local results = table.pack(take(client.core, ...))
    if not results[1] then broken(client, results[2]) end
    if results[1] ~= "more" then return table.unpack(results, 1, results.n) end
    step(client, client.core.fill)
  end
end

-- Reads the replies of so many commands. -> values, first error or nil
local function receive_all(client, count)
  local values, failed, drop = {}, nil, false
  for i = 1, count do
    local state, value = receive(client, client.core.reply)
    if state == "error" then
      local err, gone = refused(client, value)
      failed, drop = failed or err, drop or gone
      value = err
    end
    values[i] = value
  end
  return values, failed, drop
end

--- Sends commands and reads all their replies.
---@param client table its session is in use by this task
---@param commands table[]
---@return any[] values raises the first error when all were answered
function M.exchange(client, commands)
  local name = points.watched() and tostring(commands[1] and commands[1][1]) or ""
  points.before("redis", name, true)
  for _, command in ipairs(commands) do
    client.core:append(table.unpack(command))
  end
  step(client, client.core.flush)
  local values, failed, drop = receive_all(client, #commands)
  points.after("redis", name, true)
  if drop then M.close(client) end
  if failed then error(failed, 0) end
  return values
end

-- ---- the connection ----

local function login(client)
  local place, commands = client.place, {}
  if place.password then
    commands[1] = place.user and { "AUTH", place.user, place.password } or { "AUTH", place.password }
  end
  if (place.db or 0) > 0 then commands[#commands + 1] = { "SELECT", place.db } end
  if #commands == 0 then return end
  local ok, failed = pcall(M.exchange, client, commands)
  if not ok then
    M.close(client)
    error(failed, 0)
  end
end

local function open(client)
  if client.core then return end
  local place = client.place
  client.connection = net.connect {
    host = place.host,
    port = place.port,
    tls = place.tls,
    ca_file = client.ca_file,
    timeout = client.connect_timeout,
    what = "Redis",
  }
  client.core = core.new(client.connection)
  login(client)
end

--- Closes the connection; the next use opens a new one.
---@param client table
function M.close(client)
  if client.core then client.core:close() end
  if client.connection then client.connection:close() end
  client.core, client.connection = nil, nil
end

--- Calls fn while no other task uses the session, which is open then.
---@param client table
---@param fn fun(): any
---@return any what fn gives
function M.use(client, fn)
  while client.busy do
    local turn <close> = task.event()
    client.queue = client.queue or {}
    table.insert(client.queue, turn)
    task.wait(turn)
  end
  client.busy = true
  local results = table.pack(pcall(breaker.guard, M.where(client), function()
    open(client)
    return fn()
  end))
  client.busy = false
  local queue = client.queue or {}
  client.queue = nil
  for _, turn in ipairs(queue) do
    turn:set()
  end
  if results[1] then return table.unpack(results, 2, results.n) end
  -- A cancelled task leaves unread replies behind.
  if not errors.is(results[2]) or results[2].module ~= "redis" then M.close(client) end
  error(results[2], 0)
end

-- ---- pages ----

-- Seconds of the server between two answers to TIME; nil if its user may not ask for it.
local function seconds_between(first, last)
  local function of(answer)
    if type(answer) ~= "table" then return nil end
    local seconds, micros = math.tointeger(tonumber(answer[1])), math.tointeger(tonumber(answer[2]))
    return seconds and micros and seconds * 1000000 + micros
  end
  local from, to = of(first), of(last)
  return from and to and math.max(0, (to - from) / 1000000)
end

local function receive_page(client, ask)
  local state, cursor, keys, parts, unlink, unlinks = receive(client, client.core.page, ask.prefix, ask.remove)
  if state == "odd" then odd_answer(client, "failed", "unexpected answer to SCAN") end
  if state == "other" then
    odd_answer(client, "refused", ("Redis returned the key %q for the prefix %q"):format(cursor, ask.prefix))
  end
  if state == "error" then return {}, refused(client, cursor) end
  return { cursor = cursor, keys = keys, parts = parts, unlink = unlink, unlinks = unlinks }
end

-- A cursor is valid on one server only. After a lost connection another server may answer, so the gate retries the
-- whole walk.
local function same_connection(client, ask)
  if not ask.connection or ask.connection == client.core then return end
  errors.raise {
    kind = "unreachable",
    module = "redis",
    op = "scan",
    code = "session",
    retryable = true,
    message = "the connection to Redis was lost during the scan",
  }
end

-- Reads the replies to so many UNLINK. -> how many keys they have removed, first error or nil, drop
local function receive_removed(client, count)
  local values, failed, drop = receive_all(client, count)
  local removed = 0
  for _, value in ipairs(failed and {} or values) do
    if math.type(value) ~= "integer" then odd_answer(client, "failed", "unexpected answer to UNLINK") end
    removed = removed + value
  end
  return removed, failed, drop
end

-- The command that removes the keys as one that asks how many of them are there.
local function exists(unlink) return (unlink:gsub("^(%*%d+\r\n%$6\r\n)UNLINK", "%1EXISTS")) end

-- Reads how many of the removed keys are there all the same; nil if the user may not ask.
local function receive_left(client)
  local values, failed, drop = receive_all(client, 1)
  return not failed and math.tointeger(values[1]) or nil, drop
end

---@class o2x.redis.Page
---@field connection userdata on which its cursor is valid
---@field cursor string? of the next page; "0" if this was the last one, nil if none was asked for
---@field keys integer
---@field parts table<string, integer> how many keys have which word between the prefix and a colon; "" is none
---@field unlink string? commands that remove the keys of this page, to be sent with the next one
---@field unlinks integer? how many commands they are
---@field removed integer keys that the commands sent along have removed
---@field left integer? keys that are there right after they were removed; nil if it was not asked, or may not be
---@field seconds number? for which the server was busy with this; nil if it may not be asked for its time

local function send_page(client, ask)
  client.core:append "TIME"
  if ask.unlink then client.core:queue(ask.unlink) end
  if ask.prove then client.core:queue(exists(ask.unlink)) end
  if ask.cursor then client.core:append("SCAN", ask.cursor, "MATCH", ask.pattern, "COUNT", ask.count) end
  client.core:append "TIME"
  step(client, client.core.flush)
end

--- Removes the keys of the last page and asks for the next one, in one round trip.
---@param client table
---@param ask {connection: userdata?, cursor: string?, pattern: string, count: integer, prefix: string, remove: boolean,
---  unlink: string?, unlinks: integer?, prove: boolean?} cursor: nil removes only; remove: make the commands that
---  remove this page; prove: ask at once whether the keys of the only command are gone
---@return o2x.redis.Page
function M.page(client, ask)
  return M.use(client, function()
    same_connection(client, ask)
    local name = ask.unlink and "UNLINK" or "SCAN"
    points.before("redis", name, ask.unlink ~= nil)
    send_page(client, ask)
    local page, refusal, gone = { keys = 0, parts = {} }, nil, nil
    local first = receive_all(client, 1)
    local removed, failed, drop = receive_removed(client, ask.unlink and ask.unlinks or 0)
    local left, lost = nil, nil
    if ask.prove then
      left, lost = receive_left(client)
    end
    if ask.cursor then
      page, refusal, gone = receive_page(client, ask)
    end
    local last = receive_all(client, 1)
    points.after("redis", name, ask.unlink ~= nil)
    if drop or gone or lost then M.close(client) end
    if failed or refusal then error(failed or refusal, 0) end
    page.connection, page.removed, page.left = client.core, removed, left
    page.seconds = seconds_between(first[1], last[1])
    return page
  end)
end

return M
