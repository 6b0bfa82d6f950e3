--- Turns errors of PostgreSQL into error objects: one clear line, a kind, the SQLSTATE as the code, a hint.

local errors = require "o2x.base.error"
local mask = require "o2x.base.mask"
local retry_rules = require "o2x.base.retry_rules"

local M = {}

local BEHIND <const> = "look at the server behind the pooler, and at the pooler's log"

-- Errors while connecting: without a session, libpq gives only a text and no SQLSTATE, so the text is matched: pattern,
-- SQLSTATE, what the server does, and a hint where the rule of that state has none that fits.
local CONNECTING = {
  {
    "password authentication failed",
    "28P01",
    "rejected the password of role %s",
    "set the right password (PGPASSWORD, or pg.password in the configuration), or another role (PGUSER, or pg.user)",
  },
  {
    "no password supplied",
    "28P01",
    "requires a password for role %s",
    "set PGPASSWORD, or pg.password in the configuration",
  },
  { 'role ".-" does not exist', "28000", "has no role %s", "set PGUSER, or pg.user in the configuration" },
  { "not permitted to log in", "28000", "does not let role %s log in", "ALTER ROLE … LOGIN" },
  {
    "no pg_hba.conf entry",
    "28000",
    "does not allow role %s to connect from this host",
    "add this host to pg_hba.conf on the server",
  },
  { "permission denied for database", "42501", "does not allow role %s to connect to %s", "GRANT CONNECT ON DATABASE" },
  { 'database ".-" does not exist', "3D000", "has no database %2$s" },
  { "too many connections for role", "53300", "has no free connections for role %s" },
  { "too many connections", "53300", "has no free connections for database %2$s" },
  { "too many clients", "53300", "has no free connections" },
  { "connection slots", "53300", "has no free connections" },
  { "connection limit exceeded", "53300", "has no free connections" },
  -- pgbouncer and RDS Proxy
  { "no more connections allowed", "53300", "is a pooler that takes no more clients (max_client_conn)" },
  { "query_wait_timeout", "53300", "is a pooler without a free session for database %2$s" },
  { "[Tt]imed%-out waiting to acquire", "53300", "is a pooler without a free session for database %2$s" },
  { "server login has been failing", "57P03", "is a pooler that cannot log in to the server behind it" },
  { "cannot connect to server", "57P03", "is a pooler that cannot reach the server behind it" },
  { "server_login_retry", "57P03", "is a pooler that cannot log in to the server behind it" },
  { "client_login_timeout", "57P03", "is a pooler that does not finish the login" },
  { "no such database", "3D000", "is a pooler that has no database %2$s", "add it to pgbouncer's [databases]" },
  { "no such user", "28000", "is a pooler that has no role %s", "add it to pgbouncer's auth_file" },
  {
    "no credentials for the role",
    "28000",
    "is a proxy without credentials of role %s",
    "add its secret to the proxy",
  },
  { "SASL authentication failed", "28P01", "rejected the password of role %s", "set PGPASSWORD, or pg.password" },
  {
    "%u%u+ authentication failed",
    "28P01",
    "rejected the login of role %s",
    "check PGUSER and PGPASSWORD; the server's log says why",
  },
  { "requires TLS", "08P01", "takes connections with TLS only", "set PGSSLMODE=verify-full, or pg.sslmode" },
  { "SSL required", "08P01", "takes connections with TLS only", "set PGSSLMODE=verify-full, or pg.sslmode" },
  { "starting up", "57P03", "is starting up" },
  { "shutting down", "57P03", "is shutting down" },
  { "recovery mode", "57P03", "is recovering from a crash" },
  { "not yet accepting connections", "57P03", "is a standby that is not ready yet" },
  { "not accepting connections", "57P03", "does not take connections" },
  { "server conn crashed", "57P03", "is a pooler whose server ended the connection", BEHIND },
  { "terminating connection", "57P01", "ends its sessions" },
  { "session is read%-only", "25006", "is a standby, or set to read only" },
  { "server is in hot standby mode", "25006", "is a standby" },
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
  { "certificate for .- does not match", "08P01", "has a certificate for another host" },
  { "does not match host name", "08P01", "has a certificate for another host" },
  {
    "root certificate file",
    "08P01",
    "cannot be verified: the file of root certificates is missing",
    "set pg.sslrootcert",
  },
  { "could not translate host name", "08001", "cannot be found: the host name does not resolve", "check PGHOST" },
  { "[Tt]imed? ?out", "08001", "does not answer", "check the address (PGHOST, PGPORT) and the firewall" },
  { "unreachable", "08001", "is unreachable over the network" },
  { "closed unexpectedly", "08006", "closed the connection" },
  { "closed the connection unexpectedly", "08006", "closed the connection" },
  { "[Cc]onnection reset", "08006", "broke the connection" },
  { "Broken pipe", "08006", "broke the connection" },
  { "EOF detected", "08006", "closed the connection" },
  { "unexpected eof", "08006", "closed the connection" },
}

-- What the rules say of a state. Whether a statement only reads does not matter: an error takes back what it did.
local function judge(code, text, uncertain)
  local fields, means = retry_rules.judge("postgresql", { code = code, text = text, uncertain = uncertain }, false)
  return fields or { kind = "failed", retryable = false }, means
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

local ABOUT_SERVER <const> = { unreachable = true, unknown = true }

-- An error object of these fields and of what the rules say.
local function new(code, judged, fields)
  fields.module, fields.code = "pg", code
  fields.kind, fields.retryable, fields.answered = judged.kind, judged.retryable, judged.answered
  fields.hint = fields.hint or judged.hint
  return errors.new(fields)
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
      return new(code, judge(code), { op = "connect", hint = hint, message = M.where(options) .. " " .. what })
    end
  end
  local text = ("%s: %s"):format(M.where(options), last_line(message))
  return new("08001", { kind = "unreachable", retryable = false }, { op = "connect", message = text })
end

-- Why it was closed, if the server or a pooler said so.
local function last_words(message)
  local words = mask.text(message):match "FATAL:%s*([^\n]+)"
  return words and (" (%s)"):format(words) or ""
end

--- The error of a broken session.
---@param options table
---@param message string
---@param uncertain boolean? what was sent last may have been carried out
---@return table error
function M.broken(options, message, uncertain)
  local text = message:find("closed the connection", 1, true) and "closed the connection" .. last_words(message)
    or "lost the connection: " .. last_line(message)
  if uncertain then text = text .. "; whether the last statement took effect is unknown" end
  return new("08006", judge("08006", nil, uncertain), {
    op = "session",
    message = ("%s %s (database %s)"):format(M.where(options), text, options.dbname),
  })
end

-- What a role may do is granted by people. A row policy names a tenant's id: after an undo, or by hand, it is another.
local function privilege_hint(role, text)
  local what = text:find("row-level security", 1, true) and "the row policy of role %s is for other rows"
    or "role %s lacks this privilege"
  return (what .. "; o2x policy TENANT --system=postgresql prints what it needs"):format(role)
end

--- The error of a statement. PostgreSQL may quote a parameter in it, so secrets are scrubbed.
---@param options table
---@param fields table code, message, hint, position …: result:error()
---@param uncertain boolean? if the session broke: what was sent last may have been carried out
---@return table error
function M.statement(options, fields, uncertain)
  local code = fields.code
  if not code then return M.broken(options, fields.message or "", uncertain) end
  local text = mask.text(fields.message):gsub("\n.*", "")
  local judged, means = judge(code, text, uncertain)
  local message = ("%s: %s"):format(options.dbname, text)
  -- What is about the server and not about the statement names the server.
  if ABOUT_SERVER[judged.kind] or means and means:find("standby", 1, true) then
    message = ("%s: %s (%s)"):format(M.where(options), means, message)
  end
  local hint = judged.hint or fields.hint
  if code == "42501" then hint = privilege_hint(options.user or "?", text) end
  return new(code, judged, {
    op = "statement",
    message = message,
    hint = hint,
    position = tonumber(fields.position),
    schema = fields.schema,
    table = fields.table,
    column = fields.column,
    constraint = fields.constraint,
  })
end

return M
