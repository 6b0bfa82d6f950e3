--- PostgreSQL. A connection is used by one task at a time; every wait has a deadline; an error in the middle of
--- something closes the connection rather than leave it in an unknown state.
---
--- Parameters are $1, $2 …; nil and json.null are NULL, a table is sent as JSON, a secret is opened only by the native
--- module. Rows are tables column → value: NULL is absent, json is decoded, numeric and times are text.

local core = require "o2x.core.pg"
local errors = require "o2x.error"
local json = require "o2x.json"
local net = require "o2x.net"
local pg_error = require "o2x.pg_error"
local secret = require "o2x.secret"
local task = require "o2x.task"

local M = {}

local GRACE = 10 -- seconds beyond the server's own statement_timeout before its silence counts as a lost connection

local KEYWORDS = {
  host = true, port = true, user = true, password = true, dbname = true, sslmode = true, sslrootcert = true,
  sslcert = true, sslkey = true, passfile = true, application_name = true, target_session_attrs = true, channel_binding = true,
}

local TIMEOUTS = { connect_timeout = 10, statement_timeout = 60, lock_timeout = 10, idle_timeout = 60 }

---@class o2x.pg.Connection
local Connection = {}
Connection.__index = Connection

-- ---- connecting ----

local function check_name(name, what)
  if type(name) == "string" and #name <= 63 and name:find("^[%a_][%w_$%-]*$") then return name end
  errors.raise {
    kind = "input", module = "pg", code = "name",
    message = ("%q is no %s: a letter or _, then letters, digits, _ - $; 63 at most"):format(tostring(name), what or "SQL name"),
  }
end

--- A deadline for one statement; connections with no statement_timeout wait as long as it takes.
local function patience(options)
  return options.statement_timeout > 0 and options.statement_timeout + GRACE or math.huge
end

local function settings(options)
  return ("-c statement_timeout=%d -c lock_timeout=%d -c idle_in_transaction_session_timeout=%d -c DateStyle=ISO")
    :format(options.statement_timeout * 1000, options.lock_timeout * 1000, options.idle_timeout * 1000)
end

local function check_options(given)
  local options = {}
  for name, default in pairs(TIMEOUTS) do options[name] = default end
  for name, value in pairs(given) do
    if not KEYWORDS[name] and not TIMEOUTS[name] then
      errors.raise { kind = "bug", module = "pg", op = "connect", message = "pg.connect: unknown option " .. tostring(name) }
    end
    options[name] = value
  end
  check_name(options.dbname, "database name")
  return options
end

-- libpq would look a host name up itself, and block all tasks meanwhile; it still checks certificates against the name.
local function add_addresses(words, options)
  local host = words.host
  if not host or host:find("^/") or host:find("[,:]") or host:find("^[%d.]+$") then return end
  local ok, addresses = pcall(net.addresses, host, options.connect_timeout)
  if not ok then
    if not errors.is(addresses) or addresses.kind ~= "unreachable" then error(addresses, 0) end
    error(pg_error.connecting(options, "could not translate host name"), 0)
  end
  words.hostaddr = table.concat(addresses, ",")
  words.host = (host .. ","):rep(#addresses):sub(1, -2)
end

local function keywords(options)
  local words = {
    options = settings(options), client_encoding = "UTF8", fallback_application_name = "o2x",
    keepalives_idle = "30", keepalives_interval = "10", keepalives_count = "3", tcp_user_timeout = "60000",
    passfile = "/dev/null/none", -- no password but the configuration's: its file is read only when it says so
  }
  for name in pairs(KEYWORDS) do
    local value = options[name]
    if value ~= nil and value ~= "" then words[name] = secret.is(value) and value or tostring(value) end
  end
  add_addresses(words, options)
  return words
end

--- Connects.
---@param options table host, port, user, password (may be a secret), dbname, sslmode, sslrootcert, application_name …
---  and seconds: connect_timeout 10, statement_timeout 60 (0: none), lock_timeout 10, idle_timeout 60 (in a transaction)
---@return o2x.pg.Connection to be closed: `local db <close> = pg.connect { … }`
function M.connect(options)
  options = check_options(options)
  local self = setmetatable({ options = options, dbname = options.dbname, depth = 0 }, Connection)
  local native, message = core.start(keywords(options))
  if not native then error(pg_error.connecting(options, message), 0) end
  self.core = native
  local deadline = task.now() + options.connect_timeout
  local step = "w"
  local guard <close> = setmetatable({}, { __close = function() if step ~= "ok" then self:close() end end })
  while step ~= "ok" do
    local ready
    ready, message = task.wait_fd(native:fd(), step, math.max(0, deadline - task.now()))
    if ready then step, message = native:poll() end
    if not ready or not step then error(pg_error.connecting(options, message), 0) end
  end
  return self
end

--- Closes the connection. What runs on it is given up. May be called twice.
function Connection:close()
  self.core:close()
end

Connection.__close = Connection.close

--- Can it be used for something new? Notices a server that has hung up, without asking it: the first look takes in its
--- last words, the second the end.
function Connection:idle()
  local native = self.core
  return native:alive() and native:consume() and native:consume() and native:transaction() == "idle" or false
end

-- ---- the loop over the native steps ----

-- The session is in no known state, so it ends here. If what was sent may have been carried out, the error says so.
local function give_up(self, message)
  local uncertain = self.uncertain
  self:close()
  error(pg_error.broken(self.options, message, uncertain), 0)
end

local function check(self, value, message)
  if value == nil then give_up(self, message) end
  return value
end

local function wait(self, events)
  local fd = check(self, self.core:fd())
  local ok, ready = pcall(task.wait_fd, fd, events, patience(self.options))
  if ok and ready then return ready end
  if ok then give_up(self, "no answer in time") end
  self:close()
  error(ready, 0) -- cancelled
end

-- Sends all that is queued, taking in what comes meanwhile: a server that blocks on its own output would not read ours.
local function flush(self)
  while not check(self, self.core:flush()) do
    if wait(self, "rw"):find("r", 1, true) then check(self, self.core:consume()) end
  end
end

local function next_result(self)
  while self.core:busy() do
    wait(self, "r")
    check(self, self.core:consume())
  end
  return self.core:result()
end

local function parameters(...)
  local list = table.pack(...)
  for i = 1, list.n do
    if type(list[i]) == "table" then list[i] = json.encode(list[i]) end
  end
  return table.unpack(list, 1, list.n)
end

local function failure(self, result)
  return pg_error.statement(self.options, result:error())
end

local COPY_REFUSED = { code = "0A000", message = "COPY with the client needs copy_in or copy_out" }

-- Reads the results of one statement (or script) to the end. -> the last result, or nil and the first error
local function drain(self)
  local last, failed
  while true do
    local result = next_result(self)
    if not result then return last, failed end
    local status = result:status()
    if status == "error" then
      failed = failed or failure(self, result)
    elseif status == "copy_in" or status == "copy_out" then
      self:close() -- nobody is there to feed it or to take it
      return nil, pg_error.statement(self.options, COPY_REFUSED)
    end
    last = result
  end
end

local function finish(self, result, failed)
  self.uncertain = nil
  if failed then
    if not self.core:alive() then self:close() end
    error(failed, 0)
  end
  return result
end

local function decode_json(result, rows)
  for _, name in ipairs(result:json_columns() or {}) do
    for _, row in ipairs(rows) do
      if row[name] ~= nil then row[name] = json.decode(row[name]) end
    end
  end
  return rows
end

local function to_rows(result)
  return decode_json(result, result:rows())
end

-- ---- statements ----

-- Outside a transaction that is still open, a write whose answer is lost may have been carried out.
local function begin_write(self)
  self.uncertain = self.depth == 0 or nil
end

--- Runs one statement, in the transaction that is open or one of its own.
---@param sql string
---@param ... any parameters
---@return table rows
---@return integer affected
function Connection:query(sql, ...)
  begin_write(self)
  check(self, self.core:send(sql, parameters(...)))
  flush(self)
  local result = finish(self, drain(self))
  return to_rows(result), result:affected()
end

--- Runs a text of any number of statements, without parameters: all or none of it, unless it says otherwise itself.
---@param sql string
function Connection:script(sql)
  begin_write(self)
  check(self, self.core:script(sql))
  flush(self)
  finish(self, drain(self))
end

-- Queues groups of statements, a sync after each.
local function queue(self, groups)
  check(self, self.core:pipeline(true))
  for _, group in ipairs(groups) do
    for _, statement in ipairs(group) do
      check(self, self.core:send(statement[1], parameters(table.unpack(statement, 2, statement.n or #statement))))
    end
    check(self, self.core:sync())
  end
  flush(self)
end

-- Reads what queue() asked for. -> per group a list of results, and the first error
local function collect(self, groups)
  local answers, first
  answers = {}
  for g, group in ipairs(groups) do
    answers[g] = {}
    for i in ipairs(group) do
      local result, failed = drain(self)
      first = first or failed
      answers[g][i] = result
    end
    local sync = self.core:alive() and next_result(self)
    if not sync or sync:status() ~= "sync" then
      self:close()
      error(first or pg_error.broken(self.options, "the pipeline broke"), 0)
    end
  end
  self.uncertain = nil
  check(self, self.core:pipeline(false))
  return answers, first
end

--- Runs groups of statements in one round trip. An error skips the rest of its own group only.
---@param groups table list of lists of { sql, parameter … } (with n, if parameters may be nil)
---@return table results per group the list of native results; raises the first error after all was read
function Connection:pipeline(groups)
  local ok, problem = pcall(queue, self, groups)
  if not ok then
    self:close() -- half of it may be queued
    error(problem, 0)
  end
  local answers, failed = collect(self, groups)
  if failed then error(failed, 0) end
  return answers
end

--- Runs many statements in one round trip, all or none.
---@param many table list of { sql, parameter … }
---@return integer affected rows, of all together
function Connection:exec(many)
  begin_write(self)
  local affected = 0
  for _, result in ipairs(self:pipeline({ many })[1]) do affected = affected + result:affected() end
  return affected
end

--- Reads rows. Outside a transaction it is one of its own that cannot write, in a single round trip.
---@param sql string
---@param ... any parameters
---@return table rows
function Connection:rows(sql, ...)
  if self.depth > 0 then return (self:query(sql, ...)) end
  local statement = table.pack(sql, ...)
  local ok, answers = pcall(self.pipeline, self, { { { "BEGIN READ ONLY" }, statement }, { { "COMMIT" } } })
  if ok then return to_rows(answers[1][2]) end
  if errors.is(answers) and answers.code == "25006" then
    answers.kind, answers.hint = "refused", "reads cannot write: use an ensure_… function, so that plan and journal know of it"
  end
  error(answers, 0)
end

--- Reads one row.
---@param sql string
---@param ... any parameters
---@return table|nil row the first, or nil
function Connection:one(sql, ...)
  return self:rows(sql, ...)[1]
end

-- ---- transactions ----

local ISOLATION = {
  ["read committed"] = true, ["repeatable read"] = true, ["serializable"] = true,
}

local function begin_statement(options)
  local isolation = options.isolation or "read committed"
  if not ISOLATION[isolation] then errors.raise { kind = "bug", message = "unknown isolation: " .. tostring(isolation) } end
  return ("BEGIN ISOLATION LEVEL %s READ %s"):format(isolation, options.read_only and "ONLY" or "WRITE")
end

-- Between the server's commit and its answer the connection may be lost: then only asking the database tells.
local function commit(self)
  self.uncertain = true
  check(self, self.core:send("COMMIT"))
  flush(self)
  finish(self, drain(self))
end

-- -> true and what fn returned, or false and the error
local function attempt(self, fn, options)
  self.depth = 1
  local ok, problem = pcall(self.query, self, begin_statement(options))
  if not ok then
    self.depth = 0
    return false, problem
  end
  local results = table.pack(pcall(fn, self))
  self.depth = 0
  if results[1] then
    ok, problem = pcall(commit, self)
    if not ok then return false, problem end
    return table.unpack(results, 1, results.n)
  end
  -- A task that is being cancelled cannot wait for a ROLLBACK; closing has the same effect.
  if not (self.core:alive() and pcall(self.query, self, "ROLLBACK")) then self:close() end
  return false, results[2]
end

--- Runs fn(connection) in a transaction: committed when it returns, rolled back when it raises. A serialization
--- failure or deadlock runs it again, so it must do nothing but SQL.
---@param fn fun(tx: o2x.pg.Connection): any
---@param options {read_only: boolean?, isolation: string?, attempts: integer?}? attempts 5 if absent
---@return any what fn returned
function Connection:transaction(fn, options)
  options = options or {}
  if self.depth > 0 then errors.raise { kind = "bug", module = "pg", message = "a transaction inside a transaction" } end
  for try = 1, options.attempts or 5 do
    local results = table.pack(attempt(self, fn, options))
    if results[1] then return table.unpack(results, 2, results.n) end
    local code = errors.is(results[2]) and results[2].code
    local again = (code == "40001" or code == "40P01") and try < (options.attempts or 5) and self.core:alive()
    if not again then error(results[2], 0) end
    task.sleep(0.01 * 2 ^ try * math.random())
  end
end

--- What goes after PASSWORD in CREATE or ALTER ROLE: the server, its log and pg_stat_activity never see the password.
---@param role string
---@param password string|userdata
---@return string verifier a quoted SQL string
function Connection:verifier(role, password)
  return "'" .. check(self, self.core:scram(role, password)) .. "'"
end

-- ---- COPY ----

local function copy_step(self, step, ...)
  while true do
    local done = check(self, step(self.core, ...))
    if done then return end
    if wait(self, "rw"):find("r", 1, true) then check(self, self.core:consume()) end
    check(self, self.core:flush())
  end
end

local function copy_start(self, sql, wanted)
  check(self, self.core:send(sql))
  flush(self)
  local result = next_result(self)
  if result:status() == wanted then return end
  if result:status() == "error" then
    local failed = failure(self, result)
    drain(self)
    error(failed, 0)
  end
  self:close()
  errors.raise { kind = "bug", module = "pg", op = "copy", message = "not a COPY of the wanted direction: " .. sql }
end

--- Sends rows in bulk.
---@param sql string "COPY table (columns) FROM STDIN"
---@param source fun(): string? gives portions of COPY's text format, then nil
---@return integer rows
function Connection:copy_in(sql, source)
  copy_start(self, sql, "copy_in")
  local ok, problem = pcall(function()
    for portion in source do
      copy_step(self, self.core.copy_put, portion)
      flush(self)
    end
  end)
  if not self.core:alive() then error(problem, 0) end
  copy_step(self, self.core.copy_end, not ok and "the source of the rows failed" or nil)
  flush(self)
  local result, failed = drain(self)
  if not ok then error(problem, 0) end
  return finish(self, result, failed):affected()
end

--- Takes rows in bulk; memory does not grow with their number.
---@param sql string "COPY (SELECT …) TO STDOUT"
---@param sink fun(row: string) gets each line of COPY's text format
---@return integer rows
function Connection:copy_out(sql, sink)
  copy_start(self, sql, "copy_out")
  local guard <close> = setmetatable({}, { __close = function(_, problem) if problem then self:close() end end })
  while true do
    local row, message = self.core:copy_get()
    if row then
      sink(row)
    elseif row == false then
      wait(self, "r")
      check(self, self.core:consume())
    elseif message then
      check(self, nil, message)
    else
      return finish(self, drain(self)):affected()
    end
  end
end

local ESCAPES = { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- A line of COPY's text format from values; json.null (and nil) is NULL.
---@param ... any
---@return string
function M.copy_row(...)
  local cells = table.pack(...)
  for i = 1, cells.n do
    local value = cells[i]
    if value == nil or value == json.null then
      cells[i] = "\\N"
    else
      if type(value) == "table" then value = json.encode(value) end
      if value == true then value = "t" elseif value == false then value = "f" end
      cells[i] = tostring(value):gsub("[\\\n\r\t]", ESCAPES)
    end
  end
  return table.concat(cells, "\t", 1, cells.n) .. "\n"
end

-- ---- names and literals ----

--- A checked name in quotes.
---@param name string
---@param what string? for the message, such as "database name"
---@return string
function M.quote(name, what)
  return '"' .. check_name(name, what) .. '"'
end

--- A table's name, with or without its schema, each part checked and in quotes.
---@param name string "core_config.tenant"
---@return string
function M.quote_table(name)
  local schema, rest = tostring(name):match("^([^.]*)%.(.*)$")
  if not schema then return M.quote(name, "table name") end
  return M.quote(schema, "schema name") .. "." .. M.quote(rest, "table name")
end

--- An array parameter from a list of strings and numbers.
---@param list any[]
---@return string
function M.array(list)
  local parts = {}
  for i, value in ipairs(list) do
    if value == json.null then
      parts[i] = "NULL"
    else
      parts[i] = '"' .. tostring(value):gsub('[\\"]', "\\%0") .. '"'
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
