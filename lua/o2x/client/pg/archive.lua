--- Creates and reads archives in pg_dump's custom format; restore.lua restores them. The programs get the connection
--- and its password as a service file through a pipe, never in arguments, in the environment or on disk.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"

local M = {}

local SECONDS <const> = 12 * 3600 -- for one program

--- Seconds without a byte of an archive: the server does not answer any more. A prover's labs have small databases.
M.SILENT = 900
local SERVICE_WORDS <const> = { "host", "port", "user", "dbname", "sslmode", "sslrootcert" }

local HINTS <const> = {
  ["server version mismatch"] = "install the PostgreSQL client programs of the server's version or newer",
  ["does not exist"] = "create the missing object on the server, then retry",
}

-- What libpq reads as a service file; a secret if there is a password.
local function service(options)
  local lines = { "[o2x]" }
  for _, word in ipairs(SERVICE_WORDS) do
    local value = options[word]
    if value ~= nil and value ~= "" then lines[#lines + 1] = ("%s=%s"):format(word, value) end
  end
  lines[#lines + 1] = "passfile=" .. (options.passfile or "/dev/null/none")
  lines[#lines + 1] = "application_name=o2x"
  lines[#lines + 1] = "connect_timeout=15"
  local text = table.concat(lines, "\n") .. "\n"
  if options.password == nil then return text end
  local password = secret.is(options.password) and options.password or secret.new(options.password, "pg.password")
  return text .. "password=" .. password .. "\n"
end

local XFSZ <const> = 25 -- the signal for a file that grew beyond the limit

local function ended_by(signal)
  return signal == XFSZ and "File too large" or signal and ("it was ended by signal %d"):format(signal)
end

-- Its own file, or the server?
local function fail(program, result, path)
  local stderr = result.stderr
  local line = stderr:match("error: ([^\n]+)") or stderr:match("([^\n]+)%s*$") or ended_by(result.signal)
  line = line or "no error message"
  local detail = stderr:match("\n[%w_]+: detail: ([^\n]+)") or stderr:match("\nDETAIL:%s*([^\n]+)")
  local hint
  for word, text in pairs(HINTS) do
    if stderr:find(word, 1, true) then hint = text end
  end
  local of_file = line:find("output file", 1, true) or result.signal == XFSZ
  errors.raise {
    kind = stderr:find("connection to server", 1, true) and "unreachable" or "failed",
    module = "pg",
    op = program,
    retryable = false,
    where = of_file and path or nil,
    message = ("%s: %s%s"):format(program, line, detail and " (" .. detail .. ")" or ""),
    hint = of_file and fs.hint_for(line) or hint,
  }
end

-- Runs a PostgreSQL client program on a database.
local function run(options, argv, path)
  local result = proc.run {
    argv = argv,
    env = { PGSERVICEFILE = "/dev/stdin", PGSERVICE = "o2x", LC_ALL = "C" },
    stdin = service(options),
    timeout = SECONDS,
    grows = { path = path, seconds = M.SILENT },
  }
  if result.code ~= 0 then fail(argv[1], result, path) end
end

--- Dumps a database into a file of mode 0600.
---@param options table host, port, user, password (a secret), dbname … as of pg.connect
---@param path string
---@param snapshot string? of pg_export_snapshot()
---@param program string? of programs.need
function M.dump(options, path, snapshot, program)
  fs.remove(path)
  fs.write(path, "", { mode = 0x180 }) -- created before pg_dump runs, which would make it readable for everyone
  local argv = { program or "pg_dump", "--no-password", "--format=custom", "--file=" .. path }
  if snapshot then argv[#argv + 1] = "--snapshot=" .. snapshot end
  run(options, argv, path)
end

-- ---- reading back ----

local function incomplete(path, stderr)
  local why = stderr:match("error: ([^\n]+)") or stderr:match("([^\n]+)%s*$") or "no error message"
  errors.raise {
    kind = "input",
    module = "pg",
    op = "archive",
    where = path,
    message = ("the archive is incomplete or damaged: %s"):format(why),
    hint = "nothing was changed; use a complete archive in pg_dump's custom format",
  }
end

local function read(path, arguments, on_line)
  local argv = { "pg_restore", table.unpack(arguments) }
  argv[#argv + 1] = path
  local result =
    proc.run { argv = argv, timeout = SECONDS, env = { LC_ALL = "C" }, keep = on_line == nil, on_line = on_line }
  if result.code ~= 0 then incomplete(path, result.stderr) end
  return result.stdout
end

--- Reads the SQL text that restores an archive.
---@param path string
---@param arguments string[] of pg_restore, which choose a part
---@param on_line fun(line: string)
function M.text(path, arguments, on_line)
  local argv = { "--no-tablespaces", "--file=-" }
  table.move(arguments, 1, #arguments, #argv + 1, argv)
  read(path, argv, function(line, stream)
    if stream == "stdout" then on_line(line) end
  end)
end

--- The header of an archive.
---@param path string
---@return {created: string, database: string, server: string, entries: integer} archive created: an ISO time where it
---  was made in UTC
function M.header(path)
  local text = read(path, { "--list" })
  local date, time, zone = text:match("Archive created at (%d+%-%d+%-%d+) (%d+:%d+:%d+) (%S+)")
  return {
    created = date and ("%sT%s%s"):format(date, time, zone == "UTC" and "Z" or " " .. zone) or "unknown",
    database = text:match("dbname: ([^\n]+)") or "unknown",
    server = text:match("Dumped from database version: (%S+)") or "unknown",
    entries = math.tointeger(tonumber(text:match("TOC Entries: (%d+)"))) or 0,
  }
end

--- Reads all data of an archive, which proves that it is complete.
---@param path string
---@return table<string, integer> rows table → how many
function M.contents(path)
  local counts, current = {}, nil
  read(path, { "--data-only", "--file=-" }, function(line, stream)
    if stream ~= "stdout" then return end
    if not current then
      current = line:match("^COPY (.-) %(.*%) FROM stdin;$")
      if current then counts[current] = counts[current] or 0 end
    elseif line == "\\." then
      current = nil
    else
      counts[current] = counts[current] + 1
    end
  end)
  return counts
end

--- The SHA-256 of a file of any size.
---@param path string
---@return string
function M.sha256(path)
  local result = proc.run { argv = { "sha256sum", "--", path }, timeout = SECONDS }
  local digest = result.stdout:match("^\\?(%x+) ")
  if result.code == 0 and digest then return digest end
  local reason = result.stderr:match("([^\n]+)") or "no output"
  errors.raise { kind = "failed", module = "pg", message = "sha256sum: " .. reason, where = path }
end

return M
