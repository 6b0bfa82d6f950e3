--- The PostgreSQL client. A connection is used by one task at a time; every wait has a deadline; a connection in an
--- unknown state is closed.
---
--- Parameters are $1, $2 …; nil and json.null are NULL, a table is sent as JSON, a secret is opened only by the native
--- module. Rows are tables column → value: NULL is absent, json is decoded, numeric and times are text.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local limits = require "o2x.base.limits"
local pg_sql = require "o2x.client.pg.sql"
local points = require "o2x.base.points"
local pipeline = require "o2x.client.pg.pipeline"
local session = require "o2x.client.pg.session"
local task = require "o2x.base.task"

local check, drain, finish, flush = session.check, session.drain, session.finish, session.flush

local LONGEST_COMMIT <const> = 600 -- seconds

local M = {
  quote = pg_sql.quote,
  quote_table = pg_sql.quote_table,
  array = pg_sql.array,
  copy_row = pg_sql.copy_row,
  assertion = pg_sql.assertion,
}

---@class o2x.pg.Connection
local Connection = {}
Connection.__index = Connection

--- Connects.
---@param options table host, port, user, password (may be a secret), dbname, sslmode, sslrootcert, application_name …
---  and seconds: connect_timeout 10, statement_timeout 60 (0: none), lock_timeout 10, idle_timeout 60 (inside one)
---@return o2x.pg.Connection to be closed: `local db <close> = pg.connect { … }`
function M.connect(options) return session.connect(options, Connection) end

--- Closes the connection and abandons a running statement. May be called twice.
function Connection:close()
  self.left = nil
  -- A pooler may keep the session, and with it a lock that nobody gives back. Nobody waits for the answer.
  if self.pooled and self.untidy and self.core:alive() and self.core:transaction() == "idle" then
    self.untidy = false
    if self.core:script "DISCARD ALL" then self.core:flush() end
  end
  self.core:close()
end

Connection.__close = Connection.close

--- Gives back what the session may hold: advisory locks, settings, temporary objects, cursors, LISTEN. A trigger or a
--- function of the database may have taken it.
---@return boolean ok false: the connection is closed, because it could not be reset
function Connection:reset()
  if not self.untidy then return true end
  local ok = pcall(self.query, self, "DISCARD ALL") and pcall(session.set_up, self)
  self.untidy = not ok
  if not ok then self:close() end
  return ok
end

--- As reset, but waits for no answer: whoever uses the connection next gets it first.
---@return boolean ok false: the connection is closed
function Connection:leave()
  if self.untidy and not self.left then pipeline.leave(self) end
  return self.core:alive()
end

--- Runs fn while a statement may take longer. The caller sets the server's own limit.
---@param seconds number that a statement may take
---@param fn function
---@param ... any arguments of fn
---@return any what fn returned
function Connection:patient(seconds, fn, ...)
  local patience = self.patience
  self.patience = session.patience { statement_timeout = seconds }
  local _back <close> = defer(function() self.patience = patience end)
  return fn(...)
end

--- As patient, while the session keeps what a statement does to it.
---@param seconds number that a statement may take
---@param fn function
---@param ... any arguments of fn
---@return any what fn returned
function Connection:held(seconds, fn, ...)
  local kept = self.kept
  self.kept = false
  local _back <close> = defer(function() self.kept = kept end)
  return self:patient(seconds, fn, ...)
end

--- Can the connection be reused? Detects a server that has hung up without a round trip: the first look reads its last
--- message, the second the end of the stream.
function Connection:idle()
  local native = self.core
  if not (native:alive() and native:consume() and native:consume()) then return false end
  return native:transaction() == "idle" or self.left ~= nil
end

--- A setting that the server reports by itself when it changes; no round trip.
---@param name "client_encoding"|"DateStyle"|"TimeZone"|"standard_conforming_strings"
---@return string? value
function Connection:reported(name) return self.core:reported(name) end

-- ---- values ----

local function to_rows(result)
  if result:count() > limits.get "rows" then limits.reached("rows", "a query gives more than %s rows") end
  local rows = result:rows()
  for _, name in ipairs(result:json_columns() or {}) do
    for _, row in ipairs(rows) do
      if row[name] ~= nil then row[name] = json.decode(row[name], "column " .. name) end
    end
  end
  return rows
end

-- ---- many statements in one round trip ----

--- Runs groups of statements in one round trip, like pipeline, but returns the first error instead of raising it.
---@param groups table list of lists of { sql, parameter … }
---@return table results per group the list of native results
---@return table|nil error
function Connection:exchange(groups) return pipeline.exchange(self, groups) end

--- The rows of a native result: `db.to_rows(result)`.
---@param result userdata of pipeline or exchange
---@return table rows
Connection.to_rows = to_rows

--- Runs groups of statements in one round trip. An error skips the rest of its own group only.
---@param groups table list of lists of { sql, parameter … } (with n, if parameters may be nil)
---@return table results per group the list of native results; raises the first error after all was read
function Connection:pipeline(groups)
  local deferred = self.deferred
  if deferred then
    self.deferred = nil
    groups = { deferred, table.unpack(groups) }
  end
  local answers, failed = pipeline.exchange(self, groups)
  if failed then error(failed, 0) end
  if deferred then table.remove(answers, 1) end
  return answers
end

-- ---- statements ----

-- Outside an open transaction, a write whose answer is lost may have taken effect.
local function begin_write(self)
  pipeline.ready(self)
  self.untidy, self.uncertain = true, self.depth == 0 or nil
end

--- Runs one statement, in the open transaction or in its own.
---@param sql string
---@param ... any parameters
---@return table rows
---@return integer affected
function Connection:query(sql, ...)
  begin_write(self)
  local result
  if self.deferred or pipeline.is_reset(self) then
    result = self:pipeline({ { table.pack(sql, ...) } })[1][1]
  else
    local name, changes = session.point { sql }
    points.before("pg", name, changes)
    check(self, self.core:send(sql, pipeline.parameters(...)))
    flush(self)
    result = finish(self, drain(self))
    points.after("pg", name, changes)
  end
  return to_rows(result), result:affected()
end

--- Queues a statement of the open transaction; it is sent with the next one, which raises its error.
---@param sql string
---@param ... any parameters
function Connection:defer(sql, ...) self:later(table.pack(sql, ...)) end

--- As defer, of a statement as pipeline takes it: on_result hears what it gives once it was sent, at the latest with
--- COMMIT.
---@param statement table { sql, parameter …, on_result = }
function Connection:later(statement)
  if self.depth == 0 then errors.raise { kind = "bug", module = "pg", message = "defer outside a transaction" } end
  self.deferred = self.deferred or {}
  table.insert(self.deferred, statement)
end

local function send_deferred(self)
  if self.deferred then self:pipeline {} end
end

--- Runs a script of statements without parameters, as one transaction unless it controls transactions itself.
---@param sql string
function Connection:script(sql)
  send_deferred(self)
  begin_write(self)
  points.before("pg", sql:sub(1, 80), true)
  check(self, self.core:script(sql))
  flush(self)
  finish(self, drain(self))
  points.after("pg", sql:sub(1, 80), true)
end

--- Runs many statements in one round trip, all or none.
---@param many table list of { sql, parameter … }
---@return integer affected rows, of all together
function Connection:exec(many)
  begin_write(self)
  local affected = 0
  for _, result in ipairs(self:pipeline({ many })[1]) do
    affected = affected + result:affected()
  end
  return affected
end

-- The results of statements that read.
local function read_all(self, statements)
  if self.depth > 0 then return self:pipeline({ statements })[1] end
  local group = { { "BEGIN READ ONLY" }, table.unpack(statements) }
  local ok, answers = pcall(self.pipeline, self, { group, { { "COMMIT" } } })
  if ok then return table.move(answers[1], 2, #group, 1, {}) end
  if errors.is(answers) and answers.code == "25006" then
    local hint = "rows and one cannot write; use an ensure_… function, so that the plan and the journal record it"
    errors.amend(answers, { kind = "refused", hint = hint })
  end
  error(answers, 0)
end

--- Reads rows by several statements in one round trip. Outside a transaction, they have a read-only one of their own.
---@param statements table[] { sql, parameter … }
---@return table[][] rows of each statement
function Connection:read_all(statements)
  local list = read_all(self, statements)
  for i, result in ipairs(list) do
    list[i] = to_rows(result)
  end
  return list
end

--- Reads rows. Outside a transaction, in a read-only transaction of its own and one round trip.
---@param sql string
---@param ... any parameters
---@return table rows
function Connection:rows(sql, ...)
  if self.depth > 0 then return (self:query(sql, ...)) end
  return to_rows(read_all(self, { table.pack(sql, ...) })[1])
end

--- Reads one row.
---@param sql string
---@param ... any parameters
---@return table|nil row the first, or nil
function Connection:one(sql, ...) return self:rows(sql, ...)[1] end

--- The SCRAM verifier for CREATE or ALTER ROLE … PASSWORD, so that the server and its logs never see the password.
---@param role string
---@param password string|userdata
---@return string verifier a quoted SQL string
function Connection:verifier(role, password) return "'" .. check(self, self.core:scram(role, password)) .. "'" end

-- ---- transactions ----

local ISOLATION = { ["read committed"] = true, ["repeatable read"] = true, ["serializable"] = true }

local function begin_statement(options)
  local isolation = options.isolation or "read committed"
  if not ISOLATION[isolation] then
    errors.raise { kind = "bug", module = "pg", message = "unknown isolation: " .. tostring(isolation) }
  end
  return ("BEGIN ISOLATION LEVEL %s READ %s"):format(isolation, options.read_only and "ONLY" or "WRITE")
end

-- Where statements may take as long as they like, a COMMIT may not: what takes long is done.
local function exchange_commit(self, group)
  local is_alone = #group == 1 and self.options.statement_timeout == 0
  if not is_alone then return pipeline.exchange(self, { group }) end
  return self:patient(LONGEST_COMMIT, pipeline.exchange, self, { group })
end

-- If the connection is lost between the commit and its answer, only the database can tell the outcome. Deferred
-- statements are sent along; if one fails, COMMIT is skipped.
local function commit(self)
  if not self.core:alive() then session.give_up(self, "before COMMIT") end
  local group = self.deferred or {}
  self.deferred = nil
  if self.core:transaction() == "idle" and #group == 1 then return end -- nothing but BEGIN, and that was not sent
  self.uncertain = true
  group[#group + 1] = { "COMMIT" }
  self.depth = 0
  local _, failed = exchange_commit(self, group)
  if failed then error(failed, 0) end
end

-- A cancelled task cannot wait for a ROLLBACK; closing the connection has the same effect.
local function roll_back(self)
  self.deferred = nil
  if not self.core:alive() or self.core:transaction() == "idle" then return end
  if not pcall(self.query, self, "ROLLBACK") then self:close() end
end

-- -> true and the results of fn, or false and the error
local function attempt(self, fn, options)
  self.depth, self.deferred = 1, { { begin_statement(options) } } -- BEGIN goes along with the first statement
  local results = table.pack(pcall(fn, self))
  if results[1] then
    local ok, problem = pcall(commit, self)
    if not ok then results = { false, problem, n = 2 } end
  end
  self.depth = 0
  if not results[1] then roll_back(self) end
  return table.unpack(results, 1, results.n)
end

--- Runs fn(connection) in a transaction: commits when fn returns, rolls back when it raises. Retries after a
--- serialization failure or deadlock, so fn must do nothing but SQL.
---@param fn fun(tx: o2x.pg.Connection): any
---@param options {read_only: boolean?, isolation: string?, attempts: integer?}? attempts 5 if absent
---@return any what fn returned
function Connection:transaction(fn, options)
  options = options or {}
  if self.depth > 0 then
    errors.raise { kind = "bug", module = "pg", message = "a transaction inside a transaction" }
  end
  for try = 1, options.attempts or 5 do
    local results = table.pack(attempt(self, fn, options))
    if results[1] then return table.unpack(results, 2, results.n) end
    local err = results[2]
    local lost = errors.is(err) and err.kind == "conflict" and err.retryable -- to another transaction
    if not lost or try >= (options.attempts or 5) or not self.core:alive() then error(err, 0) end
    task.sleep(0.01 * 2 ^ try * math.random())
  end
end

-- ---- COPY ----

local function copy_step(self, step, ...)
  while not check(self, step(self.core, ...)) do
    if session.wait(self, "rw"):find("r", 1, true) then check(self, self.core:consume()) end
    check(self, self.core:flush())
  end
end

local function copy_start(self, sql, wanted)
  send_deferred(self)
  pipeline.ready(self)
  self.untidy = true
  points.before("pg", sql:sub(1, 80), true)
  check(self, self.core:send(sql))
  flush(self)
  local result = session.next_result(self)
  if result:status() == wanted then return end
  if result:status() == "error" then
    local failed = session.failure(self, result)
    drain(self)
    error(failed, 0)
  end
  self:close()
  errors.raise { kind = "bug", module = "pg", op = "copy", message = "not a COPY in the right direction: " .. sql }
end

--- Begins to send rows in bulk: `copy_open`, then `copy_send` for each portion, then `copy_close`.
---@param sql string "COPY table (columns) FROM STDIN"
function Connection:copy_open(sql) copy_start(self, sql, "copy_in") end

--- Sends a portion of rows in COPY's text format (pg.copy_row).
---@param portion string
function Connection:copy_send(portion)
  copy_step(self, self.core.copy_put, portion)
  flush(self)
end

--- Ends the rows.
---@param problem string? why they are to be thrown away
---@return integer rows
function Connection:copy_close(problem)
  copy_step(self, self.core.copy_end, problem)
  flush(self)
  local result, failed = drain(self)
  if problem then return 0 end
  return finish(self, result, failed):affected()
end

--- Sends rows in bulk.
---@param sql string "COPY table (columns) FROM STDIN"
---@param source fun(): string? gives portions of COPY's text format (pg.copy_row), then nil
---@return integer rows
function Connection:copy_in(sql, source)
  self:copy_open(sql)
  local ok, problem = pcall(function()
    for portion in source do
      self:copy_send(portion)
    end
  end)
  if not self.core:alive() then error(problem, 0) end
  local rows = self:copy_close(not ok and "the row source failed" or nil)
  if not ok then error(problem, 0) end
  return rows
end

--- Receives rows in bulk; memory does not grow with their number.
---@param sql string "COPY (SELECT …) TO STDOUT"
---@param sink fun(row: string) gets each line of COPY's text format
---@return integer rows
function Connection:copy_out(sql, sink)
  copy_start(self, sql, "copy_out")
  local _close <close> = defer(function(problem)
    if problem then self:close() end
  end)
  while true do
    local row, message = self.core:copy_get()
    if row then
      sink(row)
    elseif row == false then
      session.wait(self, "r")
      check(self, self.core:consume())
    elseif message then
      check(self, nil, message)
    else
      return finish(self, drain(self)):affected()
    end
  end
end

return M
