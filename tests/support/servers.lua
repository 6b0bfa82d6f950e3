--- Real servers for tests: the lab's own PostgreSQL and Redis in a folder that goes away with them.
---
---     local server
---     setup(function() server = servers.start "postgres" end)
---     teardown(function() server.stop() end)

local context = require "lab.context"
local fs = require "o2x.base.fs"
local pg_server = require "lab.pg_server"
local pg = require "o2x.client.pg"
local proc = require "o2x.base.proc"

local M = {}

--- Starts a server.
---@param name "postgres"|"redis"
---@param other { programs: string? }? programs: the folder of another PostgreSQL, which may have one server at a time
---@return table server port, env, state, client(argv …), stop(); postgres also: connect(database, options),
---  sql(database, text)
function M.start(name, other)
  pg_server.home = other and other.programs
  local folder = os.tmpname()
  fs.remove(folder)
  local lab, module = context.new(folder), require("lab." .. name)
  local instance = module.start(lab)
  local server = { name = name, lab = lab, port = instance.port, env = instance.env, state = lab.state(name) }

  --- Runs an ordinary client (psql, redis-cli) against it; gives its standard output.
  function server.client(...)
    local result = proc.run { argv = { ... }, env = server.env, timeout = 120 }
    if result.code ~= 0 then error(result.stderr, 2) end
    return (result.stdout:gsub("\n$", ""))
  end

  if name == "redis" then
    server.url = ("redis://default:%s@127.0.0.1:%d/0"):format(server.state.password, server.port)
  end

  --- Runs SQL with psql, as a superuser.
  function server.sql(database, text)
    local result = proc.run {
      argv = { "psql", "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text },
      timeout = 120,
      env = {
        PGHOST = "127.0.0.1",
        PGPORT = tostring(server.port),
        PGUSER = "postgres",
        PGPASSWORD = server.state.superuser_password,
      },
    }
    if result.code ~= 0 then error(result.stderr, 2) end
    return (result.stdout:gsub("\n$", ""))
  end

  --- Connection options of the role admin.
  function server.options(database, more)
    local options = {
      host = "127.0.0.1",
      port = server.port,
      user = "admin",
      password = server.state.admin_password,
      dbname = database,
    }
    for key, value in pairs(more or {}) do
      options[key] = value
    end
    return options
  end

  --- Connects as admin.
  function server.connect(database, more) return pg.connect(server.options(database or "postgres", more)) end

  function server.stop()
    module.sweep(lab)
    module.forget(lab)
    lab.flush()
    fs.remove_tree(folder)
    pg_server.home = nil
  end

  return server
end

return M
