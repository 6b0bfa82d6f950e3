--- Poolers between us and PostgreSQL: pgbouncer, RDS Proxy and their likes. They refuse or forget the settings of a new
--- connection, so those are set by a statement. In transaction mode they give each transaction another session; then
--- there are no settings, locks or roles that last, so o2x does not work through such a pooler: it goes to pg.direct.

local errors = require "o2x.base.error"
local pg_error = require "o2x.client.pg.error"

local M = {}

-- What poolers say to the startup parameter `options`: pgbouncer, RDS Proxy.
local REFUSALS <const> = { "unsupported startup parameter", "command%-line options" }

--- Did a pooler refuse the connection because of our settings?
---@param message string libpq's
---@return boolean
function M.refuses_settings(message)
  for _, pattern in ipairs(REFUSALS) do
    if message:find(pattern) then return true end
  end
  return false
end

--- The question which process answers.
M.PID = "SELECT pg_backend_pid() AS pid"

local function pid(ask, db) return ask(db, M.PID).pid end

--- Is there a pooler? The process that it named when we connected is then not the one that answers.
---@param db o2x.pg.Connection
---@param row table the answer to PID
---@return boolean
function M.is_there(db, row) return db.core:backend_pid() ~= row.pid end

local ROUNDS <const> = 3 -- other clients of the pooler may take what we look for

local function no_second(options)
  return errors.new {
    kind = "unreachable",
    module = "pg",
    op = "connect",
    code = "pooler",
    message = pg_error.where(options) .. ": the pooler gives no second session",
    hint = "raise its default_pool_size: o2x uses up to 8 connections to a database",
  }
end

-- What is said when there is no session left: by us, by a pooler that ends the wait itself.
local NO_SECOND <const> = { "no answer in time", "query_wait_timeout" }

-- Opens a transaction. false: the pooler has none (pool_mode = statement).
local function begin(ask, other)
  local ok, problem = pcall(ask, other, "BEGIN")
  if ok then return true end
  if not errors.is(problem) or problem.kind == "cancelled" then error(problem, 0) end
  if problem.message:find("statement pooling", 1, true) then return false end
  for _, text in ipairs(NO_SECOND) do
    if problem.message:find(text, 1, true) then error(no_second(other.options), 0) end
  end
  error(problem, 0)
end

-- While `other` has a transaction open, `db` asks again. In session mode both keep their own process throughout.
local function is_shared(ask, db, other)
  local own = pid(ask, db)
  if not begin(ask, other) then return true end
  local theirs = pid(ask, other)
  local again = theirs == own and own or pid(ask, db) -- there may be no process but the one that `other` holds
  ask(other, "ROLLBACK")
  return theirs == own or again ~= own
end

--- Does the pooler give each transaction another session?
---@param ask fun(db: o2x.pg.Connection, sql: string): table
---@param db o2x.pg.Connection idle
---@param other o2x.pg.Connection another one through the pooler; an answer to it must not take long
---@return boolean
function M.is_transactional(ask, db, other)
  for _ = 1, ROUNDS do
    if is_shared(ask, db, other) then return true end
  end
  return false
end

--- The error about a pooler in transaction mode.
---@param options table host, port
---@return table error
function M.refusal(options)
  return errors.new {
    kind = "input",
    module = "pg",
    op = "connect",
    code = "pooler",
    message = pg_error.where(options) .. ": a pooler in transaction mode; o2x needs sessions that last",
    hint = "set pg.direct to the server behind it, such as db.example.com:5432, or pool_mode = session",
  }
end

--- The host and the port of pg.direct.
---@param direct string "HOST" or "HOST:PORT"
---@return string host
---@return string port
function M.address(direct)
  local host, port = direct:match "^(.*):(%d+)$"
  return host or direct, port or "5432"
end

return M
