-- The same environment to psql and to o2x: the same role at the same server, or both refuse.

local CASES <const> = require "tests.reference.cases.psql"
local TLS_CASES <const> = require "tests.reference.cases.psql_tls"
local config = require "o2x.project.config"
local daemon = require "lab.daemon"
local eventually = require "tests.support.eventually"
local files = require "tests.reference.cases.psql_files"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local pg = require "o2x.client.pg"
local pool = require "o2x.client.pg.pool"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"
local tls = require "tests.support.tls"

local QUESTION <const> = "SELECT current_user || '@' || host(inet_server_addr()) || ':' || inet_server_port() AS there"

table.move(files, 1, #files, #CASES + 1, CASES)

-- Switches TLS on, and demands a certificate of the role client.
local function secure(server, made)
  local user = daemon.user { "postgres", "nobody" }
  local data = fs.join(daemon.path(server.lab, "postgres", user), "data")
  daemon.write(fs.join(data, "server.crt"), made.good.cert, user)
  daemon.write(fs.join(data, "server.key"), made.good.key, user)
  daemon.write(fs.join(data, "root.crt"), made.ca, user)
  local rules = fs.read(fs.join(data, "pg_hba.conf"))
  daemon.write(fs.join(data, "pg_hba.conf"), "hostssl all client,other all cert\n" .. rules, user)
  server.sql("postgres", "CREATE ROLE client LOGIN")
  server.sql("postgres", "CREATE ROLE other LOGIN")
  server.sql("postgres", "ALTER SYSTEM SET ssl = on")
  server.sql("postgres", "ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
  server.sql("postgres", "SELECT pg_reload_conf()")
  eventually(
    "TLS",
    function() return server.client("psql", "-XAtc", "SHOW ssl", "sslmode=prefer dbname=postgres") == "on" end
  )
end

describe("o2x beside psql", function()
  local place
  local servers_of, made = {}, nil
  local counts = { alike = 0, different = 0 }
  setup(function()
    servers_of.plain, servers_of.tls = servers.start "postgres", servers.start "postgres"
    made = tls.make()
    secure(servers_of.tls, made)
  end)
  teardown(function()
    servers_of.plain.stop()
    servers_of.tls.stop()
  end)
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function put(case, path, text)
    fs.write(place:at("home/" .. path), text, { parents = true, mode = tonumber(case.mode or "600", 8) })
  end

  local function prepare(server, case, env)
    local words = {
      port = tostring(server.port),
      password = server.state.admin_password,
      home = place:at "home",
      ca = made.ca,
      other = made.foreign.cert,
      cert = made.client.cert,
      key = made.client.key,
    }
    local function fill(text) return (text:gsub("{(%l+)}", words)) end
    fs.mkdir(place:at "home")
    for path, text in pairs(case[3] or {}) do
      put(case, path, fill(text))
    end
    for name, value in pairs(case[2]) do
      env[name] = value
    end
    for name, value in pairs(env) do
      env[name] = fill(value)
    end
    env.PATH, env.LC_ALL, env.HOME = os.getenv "PATH", "C", place:at "home"
    return env
  end

  local function by_psql(env)
    local argv = { "psql", "-X", "-At", "-w", "-d", "postgres", "-c", QUESTION }
    local result = proc.run { argv = argv, env = env, timeout = 60 }
    return result.code == 0 and result.stdout:gsub("\n$", "") or "refused", result.stderr
  end

  local function by_o2x(env)
    local ok, there = pcall(function()
      local project = { root = place:at "", state = place:at "state" }
      local options = pool.options(config.load(project, {}, env))
      options.dbname = "postgres"
      local db <close> = pg.connect(options)
      return db:one(QUESTION).there
    end)
    return ok and there or "refused", not ok and tostring(there) or nil
  end

  local function compare(case, env)
    local psql, why = by_psql(env)
    local ours, problem = by_o2x(env)
    local same = psql == ours
    local told = ("psql: %s %s\no2x: %s %s"):format(psql, why, ours, problem or "")
    if not case.either then assert.equal(case.differs == nil, same, told) end
    if problem then
      assert.is_nil(problem:find "\n", told)
      assert.is_nil(problem:find("traceback", 1, true), told)
      if env.PGPASSWORD ~= "wrong" then assert.is_nil(problem:find(env.PGPASSWORD or "\0", 1, true)) end
    end
    counts[same and "alike" or "different"] = counts[same and "alike" or "different"] + 1
  end

  for _, case in ipairs(CASES) do
    it(
      ("connects or refuses: %s"):format(case[1]),
      function()
        compare(case, prepare(servers_of.plain, case, { PGUSER = "admin", PGPORT = "{port}", PGSSLMODE = "disable" }))
      end
    )
  end

  for _, case in ipairs(TLS_CASES) do
    it(("connects or refuses over TLS: %s"):format(case[1]), function()
      local base = { PGHOST = "127.0.0.1", PGPORT = "{port}", PGSSLMODE = "verify-full", PGUSER = "admin" }
      if case[2].PGUSER == nil and case[2].PGSERVICE == nil then base.PGPASSWORD = "{password}" end
      local env = prepare(servers_of.tls, case, base)
      put({}, "ca.pem", made.ca)
      put({}, "other.pem", made.foreign.cert)
      put({}, "cert.pem", made.client.cert)
      put(case, "key.pem", made.client.key)
      put({}, "other.key", made.good.key)
      compare(case, env)
    end)
  end

  it("counts", function()
    local form = "psql: %d cases, %d alike, %d different on purpose"
    print(form:format(#CASES + #TLS_CASES, counts.alike, counts.different))
  end)
end)
