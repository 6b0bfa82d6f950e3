--- What PostgreSQL says, as one error object: one clear line, a kind, the SQLSTATE as the code, what to do next.

local errors = require "o2x.base.error"
local secret = require "o2x.base.secret"

local M = {}

-- SQLSTATE, or its class (the first two characters) → kind. What is not here is "failed".
local KINDS = {
  ["08"] = "unreachable",
  ["28"] = "unauthorised",
  ["42501"] = "unauthorised",
  ["53300"] = "unreachable",
  ["57P01"] = "unreachable",
  ["57P02"] = "unreachable",
  ["57P03"] = "unreachable",
  ["23505"] = "conflict",
  ["40001"] = "conflict",
  ["40P01"] = "conflict",
  ["42P04"] = "conflict",
  ["55006"] = "conflict",
  ["55P03"] = "timeout",
  ["57014"] = "timeout",
}

-- Those that a second try may cure. The class of the effect says whether a second try is allowed.
local RETRYABLE = {
  ["08"] = true,
  ["40001"] = true,
  ["40P01"] = true,
  ["53300"] = true,
  ["55006"] = true,
  ["55P03"] = true,
  ["57P01"] = true,
  ["57P02"] = true,
  ["57P03"] = true,
  ["08P01"] = false,
}

local HINTS = {
  ["3D000"] = "psql -l lists the databases",
  ["53100"] = "make room on the server's disk, then resume",
  ["53300"] = "close idle sessions (select pid, usename, state from pg_stat_activity), or raise the limit",
  ["55P03"] = "another session holds a lock; see pg_locks and pg_stat_activity",
}

-- How a refused connection is recognised: before the session stands, libpq gives a text and no SQLSTATE.
local CONNECTING = {
  {
    "password authentication failed",
    "28P01",
    "rejects the password of the role %s",
    "set the right password (PGPASSWORD, or pg.password of the configuration)",
  },
  {
    "no password supplied",
    "28P01",
    "wants a password for the role %s",
    "set PGPASSWORD, or pg.password of the configuration",
  },
  { 'role ".-" does not exist', "28000", "has no role %s", "set PGUSER, or pg.user of the configuration" },
  {
    "no pg_hba.conf entry",
    "28000",
    "does not let the role %s in from here",
    "pg_hba.conf on the server says who may connect, and how",
  },
  { "permission denied for database", "42501", "does not let the role %s into %s", "GRANT CONNECT ON DATABASE" },
  { 'database ".-" does not exist', "3D000", "has no database %2$s", HINTS["3D000"] },
  { "too many connections", "53300", "has no connection left for the database %2$s", HINTS["53300"] },
  { "too many clients", "53300", "has no connection left", HINTS["53300"] },
  { "remaining connection slots", "53300", "has no connection left", HINTS["53300"] },
  { "starting up", "57P03", "is starting up", "wait a little, then try again" },
  { "shutting down", "57P03", "is shutting down", nil },
  { "recovery mode", "57P03", "recovers from a crash", "wait a little, then try again" },
  { "[Cc]onnection refused", "08001", "refuses connections", "is it running? see PGHOST and PGPORT" },
  {
    "server does not support SSL",
    "08P01",
    "does not speak TLS, but sslmode asks for it",
    "set pg.sslmode, or turn TLS on at the server",
  },
  {
    "certificate verify failed",
    "08P01",
    "shows a certificate that is not trusted",
    "set pg.sslrootcert to the authority's file",
  },
  { "certificate for .- does not match", "08P01", "shows a certificate for another host", nil },
  { "does not match host name", "08P01", "shows a certificate for another host", nil },
  {
    "root certificate file",
    "08P01",
    "cannot be verified: there is no file of root certificates",
    "set pg.sslrootcert",
  },
  { "could not translate host name", "08001", "cannot be found: the name does not resolve", "see PGHOST" },
  { "[Tt]imed? ?out", "08001", "does not answer", "is the address right, and does a firewall let you through?" },
  { "unreachable", "08001", "cannot be reached over the network", nil },
  { "server closed the connection unexpectedly", "08006", "closed the connection", nil },
}

local function by_state(map, code)
  local value = map[code]
  if value == nil then value = map[code:sub(1, 2)] end
  return value
end

local function last_line(text)
  local line = text:match("([^\n]*)%s*$")
  return (line:gsub("^%s*FATAL:%s*", ""))
end

-- "%s" is the next, "%2$s" the second of the arguments; Lua's format knows only the first.
local function fill(template, role, database)
  return (
    template:gsub("%%2%$s", function() return database end):gsub("%%s", function()
      local value = role
      role = database
      return value
    end)
  )
end

--- Where a connection leads, for messages.
---@param options table host, port
---@return string
function M.where(options)
  local host = tostring(options.host or "localhost")
  if host:sub(1, 1) == "/" then return ("PostgreSQL at %s/.s.PGSQL.%s"):format(host, options.port or 5432) end
  return ("PostgreSQL at %s:%s"):format(host, options.port or 5432)
end

--- The error of a connection that could not be made.
---@param options table host, port, user, dbname
---@param message string libpq's text
---@return table error
function M.connecting(options, message)
  for _, row in ipairs(CONNECTING) do
    local pattern, code, template, hint = table.unpack(row, 1, 4)
    if message:find(pattern) then
      local what = fill(template, options.user or "?", options.dbname or "?")
      return errors.new {
        kind = by_state(KINDS, code) or "failed",
        module = "pg",
        op = "connect",
        code = code,
        hint = hint,
        retryable = by_state(RETRYABLE, code),
        message = M.where(options) .. " " .. what,
      }
    end
  end
  return errors.new {
    kind = "unreachable",
    module = "pg",
    op = "connect",
    code = "08001",
    message = ("%s: %s"):format(M.where(options), last_line(message)),
  }
end

--- The error of a session that broke.
---@param options table
---@param message string
---@param uncertain boolean? what was sent last may have been carried out
---@return table error
function M.broken(options, message, uncertain)
  local text = message:find("closed the connection", 1, true) and "closed the connection"
    or "is no longer there: " .. last_line(message)
  if uncertain then text = text .. "; whether the last statement was carried out is not known" end
  return errors.new {
    kind = uncertain and "unknown" or "unreachable",
    module = "pg",
    op = "session",
    code = "08006",
    retryable = not uncertain or nil,
    message = ("%s %s (database %s)"):format(M.where(options), text, options.dbname),
  }
end

--- The error of a statement. Its text may quote a parameter, so it is scrubbed of secrets.
---@param options table
---@param fields table code, message, hint, position …: result:error()
---@param uncertain boolean? if the session broke: what was sent last may have been carried out
---@return table error
function M.statement(options, fields, uncertain)
  local code = fields.code
  if not code then return M.broken(options, fields.message or "", uncertain) end
  local message = secret.scrub(("%s: %s"):format(options.dbname, fields.message:gsub("\n.*", "")))
  local hint = by_state(HINTS, code) or fields.hint
  if code == "42501" then hint = ("the role %s lacks this right"):format(options.user or "?") end
  return errors.new {
    kind = by_state(KINDS, code) or "failed",
    module = "pg",
    op = "statement",
    code = code,
    message = message,
    hint = hint,
    retryable = by_state(RETRYABLE, code),
    position = tonumber(fields.position),
    schema = fields.schema,
    table = fields.table,
    column = fields.column,
    constraint = fields.constraint,
  }
end

return M
