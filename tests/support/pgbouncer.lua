--- pgbouncer in front of a test's PostgreSQL: `local pooler <close> = pgbouncer.start(server, "transaction")`.

local context = require "lab.context"
local daemon = require "lab.daemon"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local INI <const> = [[
[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s/users
pool_mode = %s
pidfile = %s/pid
logfile = %s/log
%s
]]

--- Is the program there?
---@return boolean
function M.is_installed() return proc.exists "pgbouncer" end

--- Starts it; closing it stops it.
---@param server table of tests.support.servers
---@param mode "session"|"transaction"|"statement"
---@param more string? further lines of its configuration
---@return table pooler port
function M.start(server, mode, more)
  local user = daemon.user { "postgres", "nobody" }
  local name = "pgbouncer-" .. mode
  local folder = daemon.folder(server.lab, name, user)
  local port = context.free_port()
  local users = ('"admin" "%s"\n"appuser" "%s"\n"postgres" "%s"\n'):format(
    server.state.admin_password,
    server.state.appuser_password,
    server.state.superuser_password
  )
  daemon.write(fs.join(folder, "users"), users, user)
  local ini = INI:format(server.port, port, folder, mode, folder, folder, more or "")
  daemon.write(fs.join(folder, "ini"), ini, user)
  local log = fs.join(server.lab.dir, name .. ".log")
  daemon.launch(user, { argv = { "pgbouncer", "-d", fs.join(folder, "ini") }, log = log }, "pgbouncer")
  local pid = eventually("pgbouncer", function() return tonumber(fs.read_if(fs.join(folder, "pid")) or "") end)
  local pooler = { port = port, pid = pid }
  function pooler.stop()
    proc.run { argv = { "kill", tostring(pid) } }
    eventually("the end of pgbouncer", function() return not fs.exists("/proc/" .. pid) end)
    daemon.remove(server.lab, name, user)
  end
  return setmetatable(pooler, { __close = pooler.stop })
end

return M
