--- Turns errors of PostgreSQL into error objects: one clear line, a kind, the SQLSTATE as the code, a hint.

local errors = require "o2x.base.error"
local mask = require "o2x.base.mask"

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

-- Errors that a retry may cure. The effect's class decides whether a retry is allowed.
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
  ["53100"] = "free disk space on the server, then o2x resume",
  ["53300"] = "close idle sessions (select pid, usename, state from pg_stat_activity) or raise the connection limit",
  ["55P03"] = "another session holds the lock; look at pg_locks and pg_stat_activity",
}

-- Errors while connecting: without a session, libpq gives only a text and no SQLSTATE, so the text is matched.
local CONNECTING = {
  {
    "password authentication failed",
    "28P01",
    "rejected the password of role %s",
    "set the right password: PGPASSWORD, or pg.password in the configuration",
  },
  {
    "no password supplied",
    "28P01",
    "requires a password for role %s",
    "set PGPASSWORD, or pg.password in the configuration",
  },
  { 'role ".-" does not exist', "28000", "has no role %s", "set PGUSER, or pg.user in the configuration" },
  {
    "no pg_hba.conf entry",
    "28000",
    "does not allow role %s to connect from this host",
    "add this host to pg_hba.conf on the server",
  },
  { "permission denied for database", "42501", "does not allow role %s to connect to %s", "GRANT CONNECT ON DATABASE" },
  { 'database ".-" does not exist', "3D000", "has no database %2$s", HINTS["3D000"] },
  { "too many connections", "53300", "has no free connections for database %2$s", HINTS["53300"] },
  { "too many clients", "53300", "has no free connections", HINTS["53300"] },
  { "remaining connection slots", "53300", "has no free connections", HINTS["53300"] },
  { "starting up", "57P03", "is starting up", "retry in a moment" },
  { "shutting down", "57P03", "is shutting down", nil },
  { "recovery mode", "57P03", "is recovering from a crash", "retry in a moment" },
  { "[Cc]onnection refused", "08001", "refuses connections", "check that it is running, and PGHOST and PGPORT" },
  {
    "server does not support SSL",
    "08P01",
    "does not support TLS, but sslmode requires it",
    "enable TLS on the server, or set pg.sslmode",
  },
  {
    "certificate verify failed",
    "08P01",
    "has a certificate that is not trusted",
    "set pg.sslrootcert to the file of its certificate authority",
  },
  { "certificate for .- does not match", "08P01", "has a certificate for another host", nil },
  { "does not match host name", "08P01", "has a certificate for another host", nil },
  {
    "root certificate file",
    "08P01",
    "cannot be verified: the file of root certificates is missing",
    "set pg.sslrootcert",
  },
  { "could not translate host name", "08001", "cannot be found: the host name does not resolve", "check PGHOST" },
  { "[Tt]imed? ?out", "08001", "does not answer", "check the address (PGHOST, PGPORT) and the firewall" },
  { "unreachable", "08001", "is unreachable over the network", nil },
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

-- Replaces "%s" by the next argument and "%2$s" by the second one, which string.format does not support.
local function fill(template, role, database)
  return (
    template:gsub("%%2%$s", function() return database end):gsub("%%s", function()
      local value = role
      role = database
      return value
    end)
  )
end

--- The address of a connection, for messages.
---@param options table host, port
---@return string
function M.where(options)
  local host = tostring(options.host or "localhost")
  if host:sub(1, 1) == "/" then return ("PostgreSQL at %s/.s.PGSQL.%s"):format(host, options.port or 5432) end
  return ("PostgreSQL at %s:%s"):format(host, options.port or 5432)
end

--- The error of a failed connection attempt.
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

--- The error of a broken session.
---@param options table
---@param message string
---@param uncertain boolean? what was sent last may have been carried out
---@return table error
function M.broken(options, message, uncertain)
  local text = message:find("closed the connection", 1, true) and "closed the connection"
    or "lost the connection: " .. last_line(message)
  if uncertain then text = text .. "; whether the last statement took effect is unknown" end
  return errors.new {
    kind = uncertain and "unknown" or "unreachable",
    module = "pg",
    op = "session",
    code = "08006",
    retryable = not uncertain or nil,
    message = ("%s %s (database %s)"):format(M.where(options), text, options.dbname),
  }
end

--- The error of a statement. PostgreSQL may quote a parameter in it, so secrets are scrubbed.
---@param options table
---@param fields table code, message, hint, position …: result:error()
---@param uncertain boolean? if the session broke: what was sent last may have been carried out
---@return table error
function M.statement(options, fields, uncertain)
  local code = fields.code
  if not code then return M.broken(options, fields.message or "", uncertain) end
  local message = ("%s: %s"):format(options.dbname, mask.text(fields.message):gsub("\n.*", ""))
  local hint = by_state(HINTS, code) or fields.hint
  if code == "42501" then hint = ("role %s lacks this privilege"):format(options.user or "?") end
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
