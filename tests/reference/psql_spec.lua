-- The same environment to psql and to o2x: the same role at the same server, or both refuse.

local config = require "o2x.project.config"
local daemon = require "lab.daemon"
local eventually = require "tests.support.eventually"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local pg = require "o2x.client.pg"
local pool = require "o2x.client.pg.pool"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"
local tls = require "tests.support.tls"

local QUESTION <const> = "SELECT current_user || '@' || host(inet_server_addr()) || ':' || inet_server_port() AS there"

-- name; the environment; files of the home. {port}, {password}, {home} are filled in. both: what both say; differs: why
-- o2x says something else.
local CASES <const> = {
  { "host, port, user and password", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}" } },
  { "a name for the host", { PGHOST = "localhost", PGPASSWORD = "{password}" } },
  {
    "hostaddr beside a name that does not exist",
    { PGHOST = "no.such.host.invalid", PGHOSTADDR = "127.0.0.1", PGPASSWORD = "{password}" },
  },
  { "hostaddr alone", { PGHOST = "", PGHOSTADDR = "127.0.0.1", PGPASSWORD = "{password}" } },
  { "a wrong hostaddr", { PGHOST = "localhost", PGHOSTADDR = "localhost", PGPASSWORD = "{password}" } },
  { "a wrong password", { PGHOST = "127.0.0.1", PGPASSWORD = "wrong" } },
  { "no password", { PGHOST = "127.0.0.1" } },
  { "another role", { PGHOST = "127.0.0.1", PGUSER = "nobody", PGPASSWORD = "{password}" } },
  { "a closed port", { PGHOST = "127.0.0.1", PGPORT = "1", PGPASSWORD = "{password}" } },
  { "a port that is none", { PGHOST = "127.0.0.1", PGPORT = "x", PGPASSWORD = "{password}" } },
  { "two hosts, the first closed", { PGHOST = "127.0.0.1,127.0.0.1", PGPORT = "1,{port}", PGPASSWORD = "{password}" } },
  { "two hosts with one port", { PGHOST = "127.0.0.1,localhost", PGPASSWORD = "{password}" } },
  {
    "three hosts with two ports",
    { PGHOST = "127.0.0.1,localhost,localhost", PGPORT = "1,{port}", PGPASSWORD = "{password}" },
  },
  {
    "a password file by PGPASSFILE",
    { PGHOST = "127.0.0.1", PGPASSFILE = "{home}/pass" },
    { pass = "127.0.0.1:{port}:*:admin:{password}\n" },
  },
  { "~/.pgpass", { PGHOST = "127.0.0.1" }, { [".pgpass"] = "*:*:*:admin:{password}\n" } },
  { "~/.pgpass for a name", { PGHOST = "localhost" }, { [".pgpass"] = "localhost:*:*:*:{password}\n" } },
  { "~/.pgpass for another host", { PGHOST = "127.0.0.1" }, { [".pgpass"] = "db.example.com:*:*:*:{password}\n" } },
  { "~/.pgpass for another database", { PGHOST = "127.0.0.1" }, { [".pgpass"] = "*:*:other:*:{password}\n" } },
  {
    "~/.pgpass with escapes and comments",
    { PGHOST = "127.0.0.1" },
    { [".pgpass"] = "# x\n\\*:1:a:b:c\n*:*:postgres:admin:{password}\n" },
  },
  {
    "~/.pgpass that others can read",
    { PGHOST = "127.0.0.1" },
    { [".pgpass"] = "*:*:*:*:{password}\n" },
    mode = "644",
  },
  { "PGPASSFILE that is not there", { PGHOST = "127.0.0.1", PGPASSFILE = "{home}/none" } },
  {
    "PGPASSFILE before ~/.pgpass",
    { PGHOST = "127.0.0.1", PGPASSFILE = "{home}/none" },
    { [".pgpass"] = "*:*:*:*:{password}\n" },
  },
  {
    "PGPASSWORD before ~/.pgpass",
    { PGHOST = "127.0.0.1", PGPASSWORD = "wrong" },
    { [".pgpass"] = "*:*:*:*:{password}\n" },
  },
  {
    "a service of PGSERVICEFILE",
    { PGSERVICE = "lab", PGSERVICEFILE = "{home}/services" },
    { services = "[lab]\nhost=127.0.0.1\npassword={password}\n" },
  },
  {
    "a service of ~/.pg_service.conf",
    { PGSERVICE = "lab" },
    { [".pg_service.conf"] = "[other]\nhost=x\n[lab]\n# y\nhost=127.0.0.1\nport={port}\npassword={password}\n" },
  },
  {
    "a service of PGSYSCONFDIR",
    { PGSERVICE = "lab", PGSYSCONFDIR = "{home}/etc" },
    { ["etc/pg_service.conf"] = "[lab]\nhost=127.0.0.1\npassword={password}\n" },
  },
  {
    "a service before the variables",
    { PGSERVICE = "lab", PGHOST = "no.such.host.invalid" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\npassword={password}\n" },
  },
  {
    "variables beside a service",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\n" },
  },
  {
    "a service with a wrong port",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\nport=1\n" },
  },
  {
    "a service that is not there",
    { PGSERVICE = "none", PGHOST = "127.0.0.1", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\n" },
  },
  {
    "a service file that is not there",
    { PGSERVICE = "lab", PGSERVICEFILE = "{home}/none", PGHOST = "127.0.0.1", PGPASSWORD = "{password}" },
  },
  {
    "a service file without PGSERVICE",
    { PGSERVICEFILE = "{home}/none", PGHOST = "127.0.0.1", PGPASSWORD = "{password}" },
  },
  {
    "a service line that is no setting",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost 127.0.0.1\n" },
  },
  {
    "a service with a password file",
    { PGSERVICE = "lab" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\npassfile={home}/p\n", p = "*:*:*:*:{password}\n" },
  },
  { "TLS that the server has not", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMODE = "require" } },
  { "an sslmode that is none", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMODE = "secure" } },
  { "sslmode=prefer", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMODE = "prefer" } },
  {
    "channel binding that is required without TLS",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCHANNELBINDING = "require" },
  },
  { "channel binding that is none", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCHANNELBINDING = "perhaps" } },
  {
    "a server that can be written",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGTARGETSESSIONATTRS = "read-write" },
  },
  {
    "a standby, which this is not",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGTARGETSESSIONATTRS = "standby" },
  },
  {
    "session attributes that are none",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGTARGETSESSIONATTRS = "best" },
  },
  { "GSSAPI that is required", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGGSSENCMODE = "require" } },
  { "GSSAPI switched off", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGGSSENCMODE = "disable" } },
  {
    "a range of TLS versions that is none",
    {
      PGHOST = "127.0.0.1",
      PGPASSWORD = "{password}",
      PGSSLMINPROTOCOLVERSION = "TLSv1.3",
      PGSSLMAXPROTOCOLVERSION = "TLSv1.2",
    },
  },
  {
    "a lowest TLS version that is none",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMINPROTOCOLVERSION = "SSLv9" },
  },
  { "a time limit", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCONNECT_TIMEOUT = "1" } },
  { "a time limit of 0", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCONNECT_TIMEOUT = "0" } },
  { "a time limit that is none", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCONNECT_TIMEOUT = "soon" } },
  {
    "PGDATABASE, PGAPPNAME, PGTZ, PGDATESTYLE, PGGEQO",
    {
      PGHOST = "127.0.0.1",
      PGPASSWORD = "{password}",
      PGDATABASE = "none",
      PGAPPNAME = "x",
      PGTZ = "Asia/Tokyo",
      PGDATESTYLE = "German",
      PGGEQO = "off",
    },
  },
  { "a wrong client encoding", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCLIENTENCODING = "LATIN1" } },
  { "a Unix socket that is not there", { PGHOST = "{home}/run", PGPASSWORD = "{password}" } },
  { "a URI for the host", { PGHOST = "postgresql://127.0.0.1", PGPASSWORD = "{password}" } },
  {
    "PGOPTIONS that the server refuses",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGOPTIONS = "-c no_such=1" },
    differs = "o2x warns of PGOPTIONS and goes on",
  },
  { "PGREQUIREPEER over TCP", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGREQUIREPEER = "nobody" } },
}

-- The same against a server with TLS, in whose pg_hba.conf the role client needs a certificate.
local TLS_CASES <const> = {
  { "a server that proves who it is", { PGSSLROOTCERT = "{home}/ca.pem" } },
  { "its name", { PGHOST = "localhost", PGSSLROOTCERT = "{home}/ca.pem" } },
  {
    "its name beside its address",
    { PGHOST = "localhost", PGHOSTADDR = "127.0.0.1", PGSSLROOTCERT = "{home}/ca.pem" },
  },
  { "another name", { PGHOST = "db.invalid", PGHOSTADDR = "127.0.0.1", PGSSLROOTCERT = "{home}/ca.pem" } },
  {
    "another name, not verified",
    { PGHOST = "db.invalid", PGHOSTADDR = "127.0.0.1", PGSSLROOTCERT = "{home}/ca.pem", PGSSLMODE = "verify-ca" },
  },
  { "another authority", { PGSSLROOTCERT = "{home}/other.pem" } },
  { "an authority that is not there", { PGSSLROOTCERT = "{home}/none.pem" } },
  { "sslmode=require", { PGSSLMODE = "require" } },
  { "sslmode=require with another authority", { PGSSLMODE = "require", PGSSLROOTCERT = "{home}/other.pem" } },
  { "sslmode=disable", { PGSSLMODE = "disable" } },
  { "channel binding", { PGSSLROOTCERT = "{home}/ca.pem", PGCHANNELBINDING = "require" } },
  { "TLS 1.3", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLMINPROTOCOLVERSION = "TLSv1.3" } },
  { "TLS 1.2", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLMAXPROTOCOLVERSION = "TLSv1.2" } },
  { "no name in TLS's first message", { PGHOST = "localhost", PGSSLROOTCERT = "{home}/ca.pem", PGSSLSNI = "0" } },
  {
    "a list of revoked certificates that is damaged",
    { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCRL = "{home}/key.pem" },
  },
  { "a folder of revoked certificates", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCRLDIR = "{home}" } },
  { "a client without its certificate", { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client" } },
  {
    "a client's certificate",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/key.pem" },
  },
  {
    "a client's certificate for another role",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "other", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/key.pem" },
  },
  {
    "a certificate without its key",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/none" },
  },
  {
    "a key of another certificate",
    {
      PGSSLROOTCERT = "{home}/ca.pem",
      PGUSER = "client",
      PGSSLCERT = "{home}/cert.pem",
      PGSSLKEY = "{home}/other.key",
    },
  },
  {
    "a key that others can read",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/key.pem" },
    mode = "644",
  },
  {
    "a service with certificates",
    { PGSERVICE = "lab" },
    {
      [".pg_service.conf"] = "[lab]\nuser=client\nsslcert={home}/cert.pem\nsslkey={home}/key.pem\n"
        .. "sslrootcert={home}/ca.pem\n",
    },
  },
  {
    "PGREQUIREAUTH",
    { PGSSLROOTCERT = "{home}/ca.pem", PGREQUIREAUTH = "none" },
    either = "psql before 16 ignores it; o2x refuses",
  },
  { "PGREQUIRESSL", { PGSSLROOTCERT = "{home}/ca.pem", PGREQUIRESSL = "1" } },
  { "PGKRBSRVNAME", { PGSSLROOTCERT = "{home}/ca.pem", PGKRBSRVNAME = "pg" } },
  { "PGLOADBALANCEHOSTS", { PGSSLROOTCERT = "{home}/ca.pem", PGLOADBALANCEHOSTS = "random" } },
}

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
    local words = { port = tostring(server.port), password = server.state.admin_password, home = place:at "home" }
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
