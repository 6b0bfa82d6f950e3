-- Rows of the control database: a run reaches its own, by whatever way it asks; so does the tenant whose own database
-- is the control database. The server is asked afterwards what it has.

local gate = require "tests.support.gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local SCHEMA <const> = [[
CREATE SCHEMA core_config;
CREATE TABLE core_config.tenant (id text PRIMARY KEY, name text UNIQUE, vaultpath text, vaulturi text, status text,
  licensekey text);
CREATE TABLE core_config.tenant_profile (tenantid text PRIMARY KEY, companyname text);
CREATE TABLE core_config.users (userid text PRIMARY KEY, email text);
CREATE TABLE bill (id int PRIMARY KEY, tenant_id text);
CREATE TABLE tenant (id text, name text);
CREATE VIEW keys AS SELECT name, licensekey FROM core_config.tenant;
CREATE VIEW core_config."Keys of all" AS SELECT * FROM public.keys;
INSERT INTO core_config.tenant VALUES ('TIDLT-100003', 'dev', 'tenant/dev', 'u', 'ACTIVE', 'KEY-OF-DEV'),
  ('TIDLT-100005', 'urbanos', 'tenant/urbanos', 'u', 'ACTIVE', 'KEY-OF-URBANOS'),
  ('TIDLT-100008', 'newclient', 'tenant/newclient', 'u', 'ACTIVE', 'KEY-OF-NEWCLIENT');
INSERT INTO core_config.tenant_profile VALUES ('TIDLT-100005', 'Urbanos'), ('TIDLT-100003', 'Dev');
INSERT INTO bill VALUES (1, 'TIDLT-100003');
ANALYZE;
]]

local TENANT <const> = "core_config.tenant"
local PROFILE <const> = "core_config.tenant_profile"

describe("rows of the control database", function()
  local server, before
  local open = {}

  local function everything()
    return server.sql("control", "SELECT * FROM core_config.tenant ORDER BY 1")
      .. server.sql("control", "SELECT * FROM core_config.tenant_profile ORDER BY 1")
  end

  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", "CREATE DATABASE control OWNER admin")
    server.sql("postgres", 'CREATE DATABASE "coredb-newclient" OWNER admin')
    local db <close> = server.connect "control"
    db:script(SCHEMA)
    before = everything()
  end)
  teardown(function() server.stop() end)
  after_each(function()
    for _, run in ipairs(open) do
      run.close()
    end
    open = {}
  end)

  local IDS <const> = { newclient = "TIDLT-100008", dev = "TIDLT-100003" }

  -- name: of the tenant; without an id as it is before it is allocated.
  local function start(name, id, mode)
    local api, run = gate.run {
      mode = mode or "apply",
      module = "pg",
      config = {
        platform = "/nowhere",
        pg = {
          host = "127.0.0.1",
          port = server.port,
          user = "admin",
          reader = "none",
          sslmode = "disable",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = {
        pg = {
          tenant = name == "dev" and "control" or "coredb-" .. name,
          control = "control",
          admin = "postgres",
          rows = { [TENANT] = { name = name, id = id or nil }, [PROFILE] = { tenantid = id or nil } },
          identity = {
            [TENANT] = { name = name, id = id or false, vaultpath = "tenant/" .. name },
            [PROFILE] = { tenantid = id or false },
          },
          allocated = { [TENANT] = { column = "id", prefix = "TIDLT-", digits = 6, first = 100001 } },
        },
        files = { read = {} },
      },
    }
    open[#open + 1] = run
    return api, run
  end

  local function refused(what, fn, ...)
    local problem = raised(fn, ...)
    assert.is_true(problem.kind == "refused" or problem.kind == "input", ("%s: %s"):format(what, tostring(problem)))
    assert.is_nil(tostring(problem):find("KEY-OF", 1, true), what)
    assert.equal(before, everything(), what)
    return problem
  end

  local function allocation(changes)
    local o =
      { table = TENANT, key = { name = "newclient" }, column = "id", prefix = "TIDLT-", digits = 6, first = 100001 }
    for name, v in pairs(changes or {}) do
      o[name] = v
    end
    return o
  end

  -- { what, which connection, method, arguments … }, for newclient
  local WRITES <const> = {
    { "another's row by name", "control", "ensure_row", TENANT, { name = "urbanos" }, { status = "RETIRED" } },
    { "another's row by id", "control", "ensure_row", TENANT, { id = "TIDLT-100005" }, { status = "RETIRED" } },
    { "own name, another's id", "control", "ensure_row", TENANT, { name = "newclient", id = "TIDLT-100005" }, {} },
    { "by a column that is not granted", "control", "ensure_row", TENANT, { status = "ACTIVE" }, { licensekey = "x" } },
    { "own name and more", "control", "ensure_row", TENANT, { name = "newclient", status = "ACTIVE" }, {} },
    { "own name in capitals", "control", "ensure_row", TENANT, { name = "NEWCLIENT" }, { status = "RETIRED" } },
    { "own name with a space", "control", "ensure_row", TENANT, { name = "newclient " }, { status = "RETIRED" } },
    { "column in capitals", "control", "ensure_row", TENANT, { NAME = "newclient" }, { status = "RETIRED" } },
    { "a new name", "control", "ensure_row", TENANT, { name = "newclient" }, { name = "urbanos" } },
    { "a new id", "control", "ensure_row", TENANT, { name = "newclient" }, { id = "TIDLT-100099" } },
    {
      "another's Vault path",
      "control",
      "ensure_row",
      TENANT,
      { name = "newclient" },
      { vaultpath = "tenant/urbanos" },
    },
    { "a tenant of its own making", "control", "ensure_row", TENANT, { name = "ghost" }, { id = "TIDLT-100099" } },
    { "another's profile", "control", "ensure_row", PROFILE, { tenantid = "TIDLT-100005" }, { companyname = "x" } },
    {
      "a profile for another",
      "control",
      "ensure_row",
      PROFILE,
      { tenantid = "TIDLT-100008" },
      { tenantid = "TIDLT-1" },
    },
    {
      "users of the control database",
      "control",
      "ensure_row",
      "core_config.users",
      { userid = "x" },
      { email = "x" },
    },
    { "a table by another schema", "control", "ensure_row", "public.tenant", { name = "newclient" }, {} },
    { "a table without a schema", "control", "ensure_row", "tenant", { name = "newclient" }, {} },
    { "a table in capitals", "control", "ensure_row", "CORE_CONFIG.TENANT", { name = "newclient" }, {} },
    { "a view", "control", "ensure_row", "public.keys", { name = "newclient" }, { licensekey = "x" } },
    { "no key", "control", "ensure_row", TENANT, {}, { status = "RETIRED" } },
    { "a key that is true", "control", "ensure_row", TENANT, { name = true }, { status = "RETIRED" } },
    { "an id for another", "control", "ensure_allocated", allocation { key = { name = "ghost" } } },
    { "an id with another prefix", "control", "ensure_allocated", allocation { prefix = "TIDLT-10000" } },
    { "an id with fewer digits", "control", "ensure_allocated", allocation { digits = 1 } },
    { "an id from a number on", "control", "ensure_allocated", allocation { first = 999998 } },
    { "an id in another column", "control", "ensure_allocated", allocation { column = "status" } },
    {
      "an id with another's path",
      "control",
      "ensure_allocated",
      allocation { values = { vaultpath = "tenant/urbanos" } },
    },
    { "an id in another table", "control", "ensure_allocated", allocation { table = PROFILE } },
    { "migrations", "control", "ensure_migrated", "engine" },
    { "vacuum", "control", "ensure_vacuumed", TENANT, 1 },
    { "a login", "control", "try_login", "appuser", "x" },
    { "a login to the admin database", "admin", "try_login", "appuser", "x" },
    { "a row of the admin database", "admin", "ensure_row", "public.x", { a = 1 }, {} },
    { "another's database", "admin", "database", "control" },
  }

  for _, case in ipairs(WRITES) do
    it("are not written for others: " .. case[1], function()
      local connection = start("newclient", IDS.newclient)[case[2]]
      refused(case[1], connection[case[3]], connection, table.unpack(case, 4))
    end)
  end

  for _, sql in ipairs {
    "select licensekey from core_config.tenant",
    "select licensekey from core_config.tenant where name = 'newclient'",
    "table core_config.tenant",
    "select 1",
    "show search_path",
  } do
    it("are not read by SQL: " .. sql, function()
      local pg = start("newclient", IDS.newclient)
      refused(sql, pg.control.rows, pg.control, sql)
      refused(sql, pg.control.one, pg.control, sql)
      refused(sql, pg.admin.rows, pg.admin, sql)
    end)
  end

  it("are read by their key, if they are the tenant's own", function()
    local pg = start("newclient", IDS.newclient)
    local columns = { "id", "name", "licensekey" }
    assert.same(
      { id = "TIDLT-100008", name = "newclient", licensekey = "KEY-OF-NEWCLIENT" },
      pg.control:row(TENANT, { name = "newclient" }, columns)
    )
    assert.same({ id = "TIDLT-100008" }, pg.control:row(TENANT, { id = "TIDLT-100008" }, { "id" }))
    assert.is_nil(pg.control:row(PROFILE, { tenantid = "TIDLT-100008" }, { "companyname" }))
    for _, key in ipairs {
      { name = "urbanos" },
      { id = "TIDLT-100005" },
      { status = "ACTIVE" },
      { licensekey = "x" },
      { vaultpath = "tenant/newclient" },
      {},
    } do
      refused("row", pg.control.row, pg.control, TENANT, key, columns)
    end
    refused("no columns", pg.control.row, pg.control, TENANT, { name = "newclient" }, {})
    refused("an expression", pg.control.row, pg.control, TENANT, { name = "newclient" }, { "(select 1)" })
  end)

  it("are the tenant's own by name only, before it has its id", function()
    local pg = start "newclient"
    assert.equal("TIDLT-100008", pg.control:row(TENANT, { name = "newclient" }, { "id" }).id)
    refused("id", pg.control.row, pg.control, TENANT, { id = "TIDLT-100008" }, { "id" })
    refused("id", pg.control.ensure_row, pg.control, TENANT, { name = "newclient" }, { id = "TIDLT-100008" })
    refused("profile", pg.control.row, pg.control, PROFILE, { tenantid = "TIDLT-100008" }, { "companyname" })
    assert.equal("TIDLT-100008", pg.control:ensure_allocated(allocation()).id)
  end)

  it("may be written where they are the tenant's own", function()
    local pg = start("newclient", IDS.newclient)
    local same = { name = "newclient", vaultpath = "tenant/newclient", status = "ACTIVE" }
    assert.equal("unchanged", select(2, pg.control:ensure_row(TENANT, { id = "TIDLT-100008" }, same)))
    assert.equal("changed", select(2, pg.control:ensure_row(TENANT, { name = "newclient" }, { status = "SUSPENDED" })))
    assert.equal("SUSPENDED", server.sql("control", "SELECT status FROM core_config.tenant WHERE name = 'newclient'"))
    pg.control:ensure_row(TENANT, { name = "newclient" }, { status = "ACTIVE" })
    assert.equal(
      "created",
      select(2, pg.control:ensure_row(PROFILE, { tenantid = "TIDLT-100008" }, { companyname = "N" }))
    )
    server.sql("control", "DELETE FROM core_config.tenant_profile WHERE tenantid = 'TIDLT-100008'")
    assert.equal(before, everything())
  end)

  it("say how the tenant's database is", function()
    local found = start("newclient", IDS.newclient).admin:database "coredb-newclient"
    assert.same({ connection_limit = -1, open = true, connections = 0 }, found)
  end)

  -- The tenant dev, whose own database is the control database.
  for _, sql in ipairs {
    "select licensekey from core_config.tenant",
    "select licensekey from core_config.tenant where name = 'dev'",
    "select * from Core_Config . TENANT",
    'select * from "core_config"."tenant"',
    "select * from/**/core_config/*x*/./**/tenant",
    "table core_config.tenant",
    "select (select max(licensekey) from core_config.tenant)",
    "select 1 where exists (select 1 from core_config.tenant where licensekey like 'KEY-OF-U%')",
    "with t as (select * from core_config.tenant) select 1 from t",
    "with t as materialized (select * from core_config.tenant) select count(*) from t",
    "select b.id from bill b left join lateral (select * from core_config.tenant limit 1) t on true where t.id is null",
    "select * from bill, core_config.tenant_profile",
    "select * from keys",
    'select * from core_config."Keys of all"',
    "select * from (values (1)) v union all select 1 from core_config.tenant",
    "select count(*) from core_config.tenant tablesample system (100)",
    "select * from only core_config.tenant",
    "select most_common_vals from pg_stats where tablename = 'tenant'",
    "select stavalues1 from pg_statistic",
    "explain select * from core_config.tenant",
    "explain analyze select * from bill",
    [[select * from U&"core_config"."tenant"]],
    "select query_to_xml('select licensekey from core_config.tenant', true, true, '')",
    "select table_to_xml('core_config.tenant', true, true, '')",
    "select ('core_config.tenant'::regclass).table_to_xml",
    "select * from dblink('', 'select 1') as t(a int)",
    "select pg_read_file('base/1/1259')",
    "select lo_get(1)",
    "copy core_config.tenant to stdout",
    "select 1; select * from core_config.tenant",
    "select case when (select licensekey from core_config.tenant where name = $1) > 'A' then 1 end",
  } do
    it("are not read by the tenant whose database has them: " .. sql, function()
      local pg = start("dev", IDS.dev)
      refused(sql, pg.tenant.rows, pg.tenant, sql, table.unpack(sql:find "%$1" and { "urbanos" } or {}))
    end)
  end

  it("leave the rest of its own database to that tenant", function()
    local pg = start("dev", IDS.dev)
    assert.same({ { id = 1 } }, pg.tenant:rows("select id from bill where tenant_id = $1", "TIDLT-100003"))
    assert.same({ n = 0 }, pg.tenant:one "select count(*) as n from core_config.users")
    assert.equal(1, #pg.tenant:rows "select 1 from pg_extension where extname = 'plpgsql'")
    assert.equal(1, #pg.tenant:rows "select 1 from information_schema.tables where table_name = 'bill'")
    assert.equal(1, #pg.tenant:rows "show search_path")
    assert.equal("KEY-OF-DEV", pg.tenant:row(TENANT, { id = "TIDLT-100003" }, { "licensekey" }).licensekey)
    assert.equal("created", select(2, pg.tenant:ensure_row("core_config.users", { userid = "x" }, { email = "x" })))
  end)

  it("are not written by that tenant", function()
    local pg = start("dev", IDS.dev)
    for _, case in ipairs {
      { TENANT, { name = "urbanos" }, { status = "RETIRED" } },
      { TENANT, { id = "TIDLT-100005" }, { status = "RETIRED" } },
      { TENANT, { status = "ACTIVE" }, { status = "RETIRED" } },
      { TENANT, { name = "dev" }, { name = "urbanos2" } },
      { PROFILE, { tenantid = "TIDLT-100005" }, { companyname = "x" } },
      { "tenant", { name = "urbanos" }, { id = "x" } },
    } do
      refused(case[1], pg.tenant.ensure_row, pg.tenant, table.unpack(case))
      local own = case[2].name == "dev"
      if not own then refused(case[1], pg.tenant.row, pg.tenant, case[1], case[2], { "name" }) end
      refused(case[1], pg.control.ensure_row, pg.control, table.unpack(case))
    end
    refused("allocated", pg.tenant.ensure_allocated, pg.tenant, allocation { key = { name = "ghost" } })
  end)

  it("have no limit in the database of any other tenant", function()
    local db <close> = server.connect "coredb-newclient"
    db:script(SCHEMA)
    local pg = start("newclient", IDS.newclient)
    assert.equal(3, #pg.tenant:rows "select * from core_config.tenant")
    pg.tenant:ensure_row(TENANT, { id = "TIDLT-100008" }, { status = "RETIRED" })
  end)
end)
