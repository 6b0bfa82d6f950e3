--- Which pg_dump? An older one refuses a newer server, so of those that are installed the oldest that is not older than
--- the server is taken; the one on PATH first, because somebody has put it there.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

-- Where Debian and its children install versions beside each other.
local FOLDER <const> = "/usr/lib/postgresql"

---@class o2x.pg.program
---@field path string
---@field version integer the major one

local function version_of(path)
  if not proc.exists(path) then return nil end
  local answer = proc.run { argv = { path, "--version" }, timeout = 5 }
  return math.tointeger(tonumber(answer.stdout:match "%(PostgreSQL%) (%d+)"))
end

-- Those beside each other, the oldest first.
local function installed(folder)
  local list = {}
  for _, name in ipairs(fs.is_folder(folder) and fs.list(folder) or {}) do
    local version, path = math.tointeger(tonumber(name)), fs.join(folder, name .. "/bin/pg_dump")
    if version and fs.exists(path) then list[#list + 1] = { path = path, version = version } end
  end
  table.sort(list, function(a, b) return a.version < b.version end)
  return list
end

--- The pg_dump for a server.
---@param server integer its major version
---@param folder string? where versions are beside each other
---@return o2x.pg.program? program nil: all are older, or there is none
---@return o2x.pg.program? newest of those that are too old
function M.find(server, folder)
  local version = version_of "pg_dump"
  local newest = version and { path = "pg_dump", version = version } or nil
  if newest and newest.version >= server then return newest end
  for _, one in ipairs(installed(folder or FOLDER)) do
    if one.version >= server then return one end
    if not newest or one.version > newest.version then newest = one end
  end
  return nil, newest
end

--- What is wrong where find finds none, and the command that mends it.
---@param server integer
---@param newest o2x.pg.program?
---@return string message
---@return string hint
function M.problem(server, newest)
  if not newest then return "pg_dump is not on PATH: backup needs it", "apt-get install postgresql-client" end
  return ("pg_dump %d is older than the server, %d: it refuses to dump it"):format(newest.version, server),
    ("apt-get install postgresql-client-%d"):format(server)
end

--- Raises where no pg_dump is new enough.
---@param server integer
---@return string path
function M.need(server)
  local found, newest = M.find(server)
  if found then return found.path end
  local message, hint = M.problem(server, newest)
  errors.raise { kind = "failed", module = "pg", op = "pg_dump", message = message, hint = hint }
end

return M
