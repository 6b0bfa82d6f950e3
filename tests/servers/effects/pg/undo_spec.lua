-- Undo of what a run wrote to PostgreSQL, seen by psql.

local gate = require "tests.support.gate"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local taken_back = require "tests.support.taken_back"

local TENANT <const>, CONTROL <const> = "coredb-newclient", "enginedevdb"

describe("undo on PostgreSQL", function()
  local server, open
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  before_each(function()
    open = {}
    server.sql("postgres", ("CREATE DATABASE %s OWNER admin"):format(CONTROL))
    server.sql(
      CONTROL,
      [[
      SET ROLE admin;
      CREATE SCHEMA core_config;
      CREATE TABLE core_config.tenant (id text PRIMARY KEY, name text, status text, seen timestamptz DEFAULT now(),
        twice text GENERATED ALWAYS AS (name || name) STORED, licensekey text, doc jsonb);
      INSERT INTO core_config.tenant (id, name, status, doc)
        VALUES ('TIDLT-100001', 'other', 'OLD', '{"a": [1, null]}')]]
    )
  end)
  after_each(function()
    for _, run in ipairs(open) do
      run.close()
    end
    for _, name in ipairs { CONTROL, TENANT } do
      server.sql("postgres", ('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(name))
    end
    local aside = "SELECT datname FROM pg_database WHERE datname LIKE 'coredb-newclient--%'"
    for name in server.sql("postgres", aside):gmatch "[^\n]+" do
      server.sql("postgres", ('DROP DATABASE "%s"'):format(name))
    end
  end)

  local function start(id)
    local api, run = gate.run {
      module = "pg",
      mode = "apply",
      id = id,
      config = {
        pg = {
          host = "127.0.0.1",
          port = server.port,
          user = "admin",
          locale = server.state.locale,
          sslmode = "disable",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = {
        pg = {
          tenant = TENANT,
          control = CONTROL,
          admin = "postgres",
          rows = { ["core_config.tenant"] = { name = "newclient", id = "TIDLT-100001" } },
          allocated = { ["core_config.tenant"] = { column = "id", prefix = "TIDLT-", digits = 6, first = 100001 } },
        },
      },
    }
    open[#open + 1] = run
    return api, run
  end

  -- The first run has ended, and its sessions with it.
  local function back(run, options)
    run.close()
    return taken_back.back(run, (select(2, start())), options)
  end

  local function rows() return server.sql(CONTROL, "SELECT * FROM core_config.tenant ORDER BY id") end

  local function allocate(api)
    return api.control:ensure_allocated({
      table = "core_config.tenant",
      key = { name = "newclient" },
      column = "id",
      prefix = "TIDLT-",
      digits = 6,
      first = 100001,
      values = { status = "NEW" },
    }).id
  end

  it("restores the columns of a changed row, also when it was changed twice in other columns", function()
    local before = rows()
    local api, run = start()
    local key = { id = "TIDLT-100001" }
    api.control:ensure_row("core_config.tenant", key, { status = "NEW", name = "newclient" })
    api.control:ensure_row("core_config.tenant", key, { status = "NEWER", doc = { b = 2 } })
    local second = back(run)
    assert.equal(before, rows())
    assert.same({}, second.undo.left)
    back(second)
    assert.truthy(rows():find('TIDLT%-100001|newclient|NEWER|.*|newclientnewclient||{"b": 2}'))
  end)

  it("touches nothing when somebody changed one column of either", function()
    local api, run = start()
    local key = { id = "TIDLT-100001" }
    api.control:ensure_row("core_config.tenant", key, { status = "NEW", name = "newclient" })
    api.control:ensure_row("core_config.tenant", key, { status = "NEWER", doc = { b = 2 } })
    server.sql(CONTROL, "UPDATE core_config.tenant SET name = 'theirs'")
    local before = rows()
    local problem = raised(back, run)
    assert.equal("conflict", problem.kind)
    local details = table.concat(problem.details, "\n")
    assert.truthy(details:find('"name":"other"', 1, true), details)
    assert.truthy(details:find('"name":"newclient"', 1, true), details)
    assert.truthy(details:find('"name":"theirs"', 1, true), details)
    assert.equal(before, rows())
  end)

  it("removes a new row, and makes it again with all its columns when the undo is undone", function()
    local before = rows()
    local api, run = start()
    assert.equal("TIDLT-100002", allocate(api))
    server.sql(CONTROL, "UPDATE core_config.tenant SET seen = '2020-01-01' WHERE id = 'TIDLT-100002'")
    local written = rows()
    local second = back(run)
    assert.equal(before, rows())
    back(second)
    assert.equal(written, rows())
  end)

  it("never gives an id again", function()
    local api, run = start()
    assert.equal("TIDLT-100002", allocate(api))
    back(run)
    local again = start()
    assert.equal("TIDLT-100003", allocate(again))
    server.sql(CONTROL, "DELETE FROM core_config.tenant WHERE id = 'TIDLT-100003'")
    assert.equal("TIDLT-100004", allocate((start())))
  end)

  it("says that a column that held a secret does not come back", function()
    local api, run = start()
    local key = { id = "TIDLT-100001" }
    server.sql(CONTROL, "UPDATE core_config.tenant SET licensekey = 'theirs-0123456789'")
    local values = { status = "NEW", licensekey = secret.new("LICENSE-0123456789", "license") }
    api.control:ensure_row("core_config.tenant", key, values)
    local second = back(run)
    assert.matches("licensekey held a secret", second.undo.left[1].why)
    assert.truthy(rows():find("TIDLT-100001|other|OLD", 1, true))
    assert.is_nil(json.encode(second.journal.records):find("LICENSE-0123456789", 1, true))
  end)

  -- ---- databases ----

  local function make(api)
    api.admin:ensure_database(TENANT, { owner = "admin", connection_limit = 50 })
    api.admin:ensure_grant(TENANT, { connect = { "appuser" } })
  end

  local function databases() return server.sql("postgres", "SELECT datname, datacl FROM pg_database ORDER BY 1") end

  it("drops a database that the run created, with all that it put there", function()
    local before = databases()
    local api, run = start()
    make(api)
    back(run)
    assert.equal(before, databases())
  end)

  local FOREIGN <const> = {
    ["a table of others"] = "CREATE TABLE public.theirs (id int)",
    ["rows of others"] = "CREATE TABLE public.theirs (id int); INSERT INTO public.theirs VALUES (1)",
    ["a view of others"] = "CREATE VIEW public.theirs AS SELECT 1 AS one",
    ["a large object"] = "SELECT lo_create(0)",
  }
  for what, sql in pairs(FOREIGN) do
    it("keeps a database with " .. what .. " under another name, and gives it back", function()
      local api, run = start()
      make(api)
      server.sql(TENANT, sql)
      local made = databases()
      local second = back(run)
      local list = server.sql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'coredb-newclient%'")
      assert.equal(TENANT .. "--" .. run.id, list)
      back(second)
      assert.equal(made, databases())
    end)
  end

  it("does not drop a database that somebody began to use after it was looked at", function()
    local api, run = start()
    make(api)
    local type, second = run.gate:type_of "pg.database", select(2, start())
    second.ctx.run_id = run.id
    local target = type.undo.restore(second.ctx, { target = { database = "postgres", name = TENANT }, now = {} }).target
    assert.is_nil(target.aside)
    server.sql(TENANT, "CREATE TABLE public.theirs (id int)")
    local problem = raised(type.write, second.ctx, target, nil)
    assert.equal("conflict", problem.kind)
    assert.truthy(databases():find(TENANT, 1, true))
  end)

  it("restores owner, limit and privileges of a database that was there", function()
    server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin CONNECTION LIMIT 7'):format(TENANT))
    local limits = "SELECT datname, datconnlimit FROM pg_database ORDER BY 1"
    local before = server.sql("postgres", limits)
    local api, run = start()
    make(api)
    local can = ("SELECT datacl::text ~ 'appuser' FROM pg_database WHERE datname = '%s'"):format(TENANT)
    assert.equal("t", server.sql("postgres", can))
    back(run)
    assert.equal(before, server.sql("postgres", limits))
    assert.equal("f", server.sql("postgres", can))
  end)
end)
