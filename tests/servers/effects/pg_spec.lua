local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"

local NAME = "coredb-newclient"

describe("effects on PostgreSQL", function()
  local server, tree
  setup(function()
    server = servers.start "postgres"
    tree = os.tmpname()
    fs.remove(tree)
    fs.mkdir(fs.join(tree, "engine/db/migration"))
    fs.write(
      fs.join(tree, "engine/db/migration/V1__tenant.sql"),
      [[
      CREATE TABLE core_config.tenant (
        id varchar(32) PRIMARY KEY, name text UNIQUE, status text, licensekey text,
        doc jsonb, at timestamptz, price numeric(10,2)
      );
      ]]
    )
    server.sql("postgres", "CREATE DATABASE enginedevdb OWNER admin")
    server.sql("enginedevdb", "CREATE SCHEMA core_config AUTHORIZATION admin")
    local control <close> = server.connect "enginedevdb"
    control:script(fs.read(fs.join(tree, "engine/db/migration/V1__tenant.sql")))
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(tree)
  end)

  local open = {}
  after_each(function()
    for _, run in ipairs(open) do
      run.close()
    end
    open = {}
    server.sql("postgres", ('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(NAME))
    server.sql("enginedevdb", "DELETE FROM core_config.tenant; DROP SCHEMA IF EXISTS o2x CASCADE")
  end)

  local function start(mode, options)
    options = options or {}
    local api, run = gate.run {
      mode = mode or "apply",
      module = "pg",
      past = options.past,
      id = options.id,
      config = {
        platform = tree,
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = options.user or "admin",
          locale = options.locale or server.state.locale,
          password = secret.new(server.state[(options.user or "admin") .. "_password"], "pg.password"),
        },
      },
      scope = {
        pg = {
          tenant = NAME,
          control = "enginedevdb",
          admin = "postgres",
          rows = { ["core_config.tenant"] = { name = options.name or "newclient" } },
          allocated = { ["core_config.tenant"] = { column = "id", prefix = "TIDLT-", digits = 6, first = 100001 } },
        },
        files = { read = { "engine/" } },
      },
    }
    open[#open + 1] = run
    return api, run
  end

  local DATABASE =
    { owner = "admin", encoding = "UTF8", collate = "en_US.UTF-8", ctype = "en_US.UTF-8", connection_limit = 100 }
  local GRANTS = { all = { "admin" }, connect = { "appuser" } }
  local MIGRATIONS = { schemas = { "public", "core_config" } }

  local function onboard(pg)
    local outcomes = {}
    local function note(...) table.insert(outcomes, (select(-1, ...))) end
    note(pg.admin:ensure_database(NAME, DATABASE))
    note(pg.admin:ensure_grant(NAME, GRANTS))
    note(pg.tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    local row, outcome = pg.control:ensure_allocated {
      table = "core_config.tenant",
      key = { name = "newclient" },
      column = "id",
      prefix = "TIDLT-",
      digits = 6,
      first = 100001,
      values = { status = "NEW" },
    }
    note(outcome)
    note(pg.tenant:ensure_row("core_config.tenant", { id = row.id }, {
      name = "newclient",
      status = "ACTIVE",
      licensekey = secret.new("LICENSE-0123456789", "license_key"),
      doc = { a = { 1, 2 } },
      at = "2026-02-10T12:00:00Z",
      price = 10.5,
    }))
    return outcomes, row.id
  end

  it("make a tenant's database, and change nothing the second time", function()
    local outcomes, id = onboard((start()))
    assert.same({ "created", "changed", "created", "created", "created" }, outcomes)
    assert.equal("TIDLT-100001", id)
    assert.equal(
      "admin|UTF8|100",
      server.sql(
        "postgres",
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datconnlimit FROM pg_database WHERE datname = '"
          .. NAME
          .. "'"
      )
    )
    assert.equal(
      "t",
      server.sql("postgres", ("SELECT has_database_privilege('appuser', '%s', 'CONNECT')"):format(NAME))
    )
    assert.truthy(
      server
        .sql("postgres", ("SELECT datacl FROM pg_database WHERE datname = '%s'"):format(NAME))
        :find("appuser=c/admin", 1, true)
    )
    assert.equal(
      "newclient|ACTIVE|LICENSE-0123456789|10.50",
      server.sql(NAME, "SELECT name, status, licensekey, price FROM core_config.tenant WHERE id = 'TIDLT-100001'")
    )
    assert.equal(
      "1|V1__tenant.sql|t",
      server.sql(NAME, "SELECT installed_rank, script, success FROM public.flyway_schema_history WHERE type = 'SQL'")
    )
    assert.same({ "unchanged", "unchanged", "unchanged", "unchanged", "unchanged" }, (onboard((start()))))
  end)

  it("are planned without touching anything, on a server that has nothing yet", function()
    local before = server.sql("postgres", "SELECT datname, datacl FROM pg_database ORDER BY 1")
    local pg, run = start "plan"
    local _, id = onboard(pg)
    assert.equal("TIDLT-100001", id)
    assert.same({ created = 4, changed = 1, deleted = 0, unchanged = 0 }, run.plan:counts())
    assert.same({}, pg.tenant:rows "SELECT * FROM core_config.tenant")
    assert.is_nil(pg.tenant:one("SELECT 1 AS n FROM core_config.users WHERE id = $1", id))
    assert.equal(before, server.sql("postgres", "SELECT datname, datacl FROM pg_database ORDER BY 1"))
    assert.equal("0", server.sql("enginedevdb", "SELECT count(*) FROM core_config.tenant"))
    local text = {}
    run.plan:render(
      function(line) table.insert(text, line) end,
      { sign = function(_, t) return t end, bold = function(t) return t end, dim = function(t) return t end },
      true
    )
    text = table.concat(text, "\n")
    assert.truthy(text:find("+ V1__tenant.sql", 1, true))
    assert.truthy(text:find("+ GRANT CONNECT TO appuser", 1, true))
    assert.truthy(text:find("coredb-newclient core_config.tenant where id = 'TIDLT-100001'", 1, true))
    assert.falsy(text:find("LICENSE-0123456789", 1, true))
    onboard((start()))
    local again, second = start "plan"
    onboard(again)
    assert.is_false(second.plan:has_changes())
  end)

  it("never put a secret into the journal", function()
    local pg, run = start()
    onboard(pg)
    local text = json.encode(run.journal.records)
    assert.falsy(text:find("LICENSE-0123456789", 1, true))
    assert.truthy(text:find("$secret", 1, true))
  end)

  it("leave a marker in the row's own transaction, so that a repeated write does nothing", function()
    local pg, run = start()
    onboard(pg)
    local effect
    for _, record in ipairs(run.journal.records) do
      if record.t == "intent" and record.kind == "pg.row" then effect = record.effect end
    end
    assert.equal(run.id, server.sql(NAME, ("SELECT run FROM o2x.effect WHERE key = '%s'"):format(effect)))
    local type = run.gate:type_of "pg.row"
    local target = {
      database = NAME,
      admin = "postgres",
      table = "core_config.tenant",
      key = { id = "TIDLT-100001" },
      columns = { "status" },
      secrets = {},
    }
    assert.is_true(type.marker(run.ctx, target, effect))
    assert.is_false(type.marker(run.ctx, target, "another"))
    type.write(run.ctx, target, { status = "TWICE" }, { status = "ACTIVE" }, effect)
    assert.equal("ACTIVE", server.sql(NAME, "SELECT status FROM core_config.tenant"))
    local problem = raised(type.write, run.ctx, target, { status = "X" }, { status = "something else" }, "another")
    assert.equal("conflict", problem.kind)
    assert.is_false(type.marker(run.ctx, target, "another"))
    type.write(run.ctx, target, nil, { status = "ACTIVE" }, "gone")
    assert.equal("0", server.sql(NAME, "SELECT count(*) FROM core_config.tenant"))
  end)

  it("two onboardings at once get two ids", function()
    server.sql(
      "enginedevdb",
      [[
      INSERT INTO core_config.tenant (id, name)
      VALUES ('TIDLT-000000', 'test'), ('TIDLT-100007', 'old'), ('other', 'x')]]
    )
    local names = { "a", "b", "c", "d" }
    local ids = task.each(names, function(name)
      local pg = start("apply", { name = name })
      return pg.control:ensure_allocated {
        table = "core_config.tenant",
        key = { name = name },
        column = "id",
        prefix = "TIDLT-",
        digits = 6,
        first = 100001,
      }.id
    end)
    table.sort(ids)
    assert.same({ "TIDLT-100008", "TIDLT-100009", "TIDLT-100010", "TIDLT-100011" }, ids)
    local again = start("apply", { name = "b" }).control:ensure_allocated {
      table = "core_config.tenant",
      key = { name = "b" },
      column = "id",
      prefix = "TIDLT-",
      digits = 6,
      first = 100001,
    }
    assert.equal(again.id, server.sql("enginedevdb", "SELECT id FROM core_config.tenant WHERE name = 'b'"))
  end)

  describe("say in one line what is wrong:", function()
    it("the server lacks the locale", function()
      for _, mode in ipairs { "plan", "apply" } do
        local pg = start(mode, { locale = "xx_YY.UTF-8" })
        local problem = raised(pg.admin.ensure_database, pg.admin, NAME, DATABASE)
        assert.equal("input", problem.kind)
        assert.truthy(tostring(problem):find "no locale xx_YY.UTF%-8; it has C")
        assert.truthy(problem.hint:find "pg.locale")
      end
    end)

    it("no right to create databases", function()
      local pg = start("apply", { user = "appuser" })
      local problem = raised(pg.admin.ensure_database, pg.admin, NAME, { encoding = "UTF8" })
      assert.equal("unauthorised", problem.kind)
      assert.truthy(tostring(problem):find "the role appuser may not create databases")
    end)

    it("a role that is not there", function()
      for _, mode in ipairs { "plan", "apply" } do
        local pg = start(mode)
        local problem = raised(pg.admin.ensure_database, pg.admin, NAME, { owner = "nobody_here" })
        assert.matches("no role nobody_here", tostring(problem))
      end
      local pg = start()
      pg.admin:ensure_database(NAME, DATABASE)
      local problem = raised(pg.admin.ensure_grant, pg.admin, NAME, { connect = { "nobody_here" } })
      assert.matches("no role nobody_here", tostring(problem))
    end)

    it("a database with another encoding", function()
      server.sql(
        "postgres",
        ("CREATE DATABASE \"%s\" OWNER admin ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"):format(NAME)
      )
      for _, mode in ipairs { "plan", "apply" } do
        local pg = start(mode)
        local problem = raised(pg.admin.ensure_database, pg.admin, NAME, DATABASE)
        assert.equal("conflict", problem.kind)
        assert.truthy(tostring(problem):find "SQL_ASCII, not UTF8")
      end
    end)

    it("another tenant's database", function()
      local pg = start()
      for _, fn in ipairs { "ensure_database", "ensure_grant" } do
        assert.equal("refused", raised(pg.admin[fn], pg.admin, "coredb-other", {}).kind)
      end
      assert.falsy(pcall(function() pg.tenant.database = "coredb-other" end))
      assert.is_nil(pg.tenant.ctx)
      assert.is_nil(pg.tenant.ensure_database)
    end)

    it("a row that cannot be", function()
      local pg = start()
      pg.admin:ensure_database(NAME, DATABASE)
      pg.tenant:ensure_migrated("engine/db/migration", MIGRATIONS)
      local function row(name, key, values) return raised(pg.tenant.ensure_row, pg.tenant, name, key, values) end
      assert.truthy(
        tostring(row("core_config.nosuch", { id = "x" }, {})):find 'relation "core_config.nosuch" does not exist'
      )
      assert.truthy(
        tostring(row("core_config.tenant", { id = "x" }, { nosuch = 1 })):find 'column "nosuch" does not exist'
      )
      assert.equal(
        NAME .. [[ core_config.tenant where id = 'x': value too long for type character varying(32)]],
        tostring(row("core_config.tenant", { id = "x" }, { id = ("x"):rep(33) }))
      )
      assert.equal("input", row("core_config.tenant", { id = json.null }, {}).kind)
      assert.equal("input", row("core_config.tenant", {}, { status = "x" }).kind)
      assert.equal("input", row('t"; DROP TABLE x; --', { id = "x" }, {}).kind)
      assert.equal("refused", raised(pg.tenant.rows, pg.tenant, "DELETE FROM core_config.tenant").kind)
      server.sql(NAME, "INSERT INTO core_config.tenant (id, name, status) VALUES ('1', 'a', 'S'), ('2', 'b', 'S')")
      assert.truthy(tostring(row("core_config.tenant", { status = "S" }, { name = "c" })):find "more than one row")
    end)

    it("a folder outside the grants, or none", function()
      local pg = start()
      pg.admin:ensure_database(NAME, DATABASE)
      assert.equal("refused", raised(pg.tenant.ensure_migrated, pg.tenant, "secrets").kind)
      assert.equal("refused", raised(pg.tenant.ensure_migrated, pg.tenant, "engine/../secrets").kind)
      assert.equal("input", raised(pg.tenant.ensure_migrated, pg.tenant, "engine/none").kind)
    end)
  end)

  it("see a changed migration in the plan and in the run", function()
    local path = fs.join(tree, "engine/db/migration/V1__tenant.sql")
    local text = fs.read(path)
    onboard((start()))
    fs.write(path, text .. "-- changed\n")
    for _, mode in ipairs { "plan", "apply" } do
      local pg = start(mode)
      local problem = raised(pg.tenant.ensure_migrated, pg.tenant, "engine/db/migration", MIGRATIONS)
      assert.equal("conflict", problem.kind)
      assert.truthy(tostring(problem):find "V1__tenant.sql.*checksum mismatch")
    end
    fs.write(path, text)
    fs.write(fs.join(tree, "engine/db/migration/V2__more.sql"), "CREATE TABLE more (a int); CREATE TABLE more2 (a int)")
    local pg, run = start "plan"
    assert.equal("changed", pg.tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    assert.same({ "+ V2__more.sql" }, run.plan.changes[1].show.lines)
    assert.same({}, pg.tenant:rows "SELECT * FROM more")
    raised(start("plan").tenant.rows, start("plan").tenant, "SELECT * FROM more")
    assert.equal("changed", start().tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    fs.remove(fs.join(tree, "engine/db/migration/V2__more.sql"))
  end)

  it("repair the history of migrations, showing each row, and then migrate on", function()
    onboard((start()))
    local path = fs.join(tree, "engine/db/migration/V2__index.sql")
    fs.write(path, "CREATE UNIQUE INDEX CONCURRENTLY i ON core_config.nosuch (id)")
    local problem = raised(start().tenant.ensure_migrated, start().tenant, "engine/db/migration", MIGRATIONS)
    assert.matches("o2x run migrations%-repair %S+ %-%-confirm=%S+$", problem.hint)
    fs.write(path, "CREATE UNIQUE INDEX CONCURRENTLY i ON core_config.tenant (status)")
    problem = raised(start("plan").tenant.ensure_migrated, start("plan").tenant, "engine/db/migration", MIGRATIONS)
    assert.matches("failed migration to version 2", problem.message)
    assert.matches("o2x run migrations%-repair %S+ %-%-confirm=%S+$", problem.hint)
    local planned, run = start "plan"
    assert.equal("changed", planned.tenant:ensure_migrations_repaired("engine/db/migration", MIGRATIONS))
    assert.same(
      { "- 2 V2__index.sql: failed: its row is removed; what it left in the database stays" },
      run.plan.changes[1].show.lines
    )
    assert.equal("1", server.sql(NAME, "SELECT count(*) FROM flyway_schema_history WHERE NOT success"))
    assert.equal("changed", start().tenant:ensure_migrations_repaired("engine/db/migration", MIGRATIONS))
    assert.equal("0", server.sql(NAME, "SELECT count(*) FROM flyway_schema_history WHERE NOT success"))
    assert.equal("unchanged", start().tenant:ensure_migrations_repaired("engine/db/migration", MIGRATIONS))
    assert.equal("changed", start().tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    fs.remove(path)
  end)

  it("say in the plan what of the folder is not run", function()
    local folder = fs.join(tree, "engine/db/migration")
    for name, text in pairs { ["V2_x.sql"] = "", ["afterMigrate.sql"] = "SELECT 1", ["beforeClean.sql"] = "" } do
      fs.write(fs.join(folder, name), text)
    end
    local pg = start()
    pg.admin:ensure_database(NAME, DATABASE)
    local planned, run = start "plan"
    planned.tenant:ensure_migrated("engine/db/migration", MIGRATIONS)
    assert.same({
      "+ V1__tenant.sql",
      "! V2_x.sql is not run: '2_x' is not a version",
      "+ afterMigrate.sql (callback)",
      "! beforeClean.sql is not run: o2x never has this event",
    }, run.plan.changes[1].show.lines)
    for _, name in ipairs { "V2_x.sql", "afterMigrate.sql", "beforeClean.sql" } do
      fs.remove(fs.join(folder, name))
    end
  end)

  it("run the callbacks at the end of migrations that were interrupted before them", function()
    local path = fs.join(tree, "engine/db/migration/afterMigrate.sql")
    fs.write(path, "CREATE TABLE again (id int); SELECT 1/0")
    local pg = start()
    pg.admin:ensure_database(NAME, DATABASE)
    raised(pg.tenant.ensure_migrated, pg.tenant, "engine/db/migration", MIGRATIONS)
    assert.equal("1", server.sql(NAME, "SELECT count(*) FROM flyway_schema_history WHERE version = '1' AND success"))
    fs.write(path, "CREATE TABLE again (id int)")
    local planned, run = start "plan"
    assert.equal("changed", planned.tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    assert.same({ "+ afterMigrate.sql (callback)" }, run.plan.changes[1].show.lines)
    assert.equal("changed", start().tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    assert.equal("t", server.sql(NAME, "SELECT to_regclass('again') IS NOT NULL"))
    assert.equal("unchanged", start().tenant:ensure_migrated("engine/db/migration", MIGRATIONS))
    fs.remove(path)
  end)
end)
