--- What two operators with roles of their own do in one database, one after the other. Neither is a superuser; both
--- are members of the role that owns the databases, as on RDS.

local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local NAME <const> = "coredb-newclient"
local PASSWORD <const> = "a password of an operator"
local ROLES <const> = { "alice", "bob" }

-- What of the database is not its owner's.
local OF_OTHERS <const> = [[
SELECT 'database ' || datname FROM pg_database WHERE datname = current_database() AND datdba <> 'admin'::regrole
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') AND nspowner <> 'admin'::regrole
UNION ALL SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relowner <> 'admin'::regrole
UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND proowner <> 'admin'::regrole]]

local FIRST <const> = "CREATE TABLE app.note (name text PRIMARY KEY);\n"
  .. "CREATE FUNCTION app.one() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
local SECOND <const> = "ALTER TABLE app.note ADD COLUMN word text;\nCREATE TABLE app.more (id int);\n"
local THIRD <const> = "CREATE INDEX CONCURRENTLY note_word ON app.note (word);\n" -- needs a session of its own
local FOURTH <const> = "INSERT INTO app.note (name) VALUES ('by a migration');\n"

---@param spec table setup, teardown, it, assert
---@param other { programs: string? }? of servers.start
return function(spec, other)
  local assert, server, folder = spec.assert, nil, nil

  local function as(role)
    return gate.run {
      mode = "apply",
      module = "pg",
      config = {
        platform = folder,
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = role,
          password = secret.new(PASSWORD, "pg.password"),
        },
      },
      scope = {
        pg = { tenant = NAME, control = "postgres", admin = "postgres" },
        files = { read = { "sql/" }, write = {} },
      },
    }
  end

  local function write(name, text) fs.write(fs.join(folder, "sql", name), text) end

  -- What an onboarding does there.
  local function bring(role)
    local api, run = as(role)
    api.admin:ensure_database(NAME, { owner = "admin" })
    api.admin:ensure_grant(NAME, { all = { "admin" }, connect = { "appuser" } })
    api.tenant:ensure_migrated("sql", { schemas = { "app" } })
    api.tenant:ensure_row("app.note", { name = role }, {})
    run.close()
  end

  spec.setup(function()
    server = servers.start("postgres", other)
    for _, role in ipairs(ROLES) do
      server.sql("postgres", ("CREATE ROLE %s LOGIN CREATEDB PASSWORD '%s' IN ROLE admin"):format(role, PASSWORD))
    end
    folder = fs.temp_folder "/tmp/o2x-two-roles-"
    fs.mkdir(fs.join(folder, "sql"))
    write("V1__first.sql", FIRST)
  end)
  spec.teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)

  spec.it("all that the first makes is the database owner's", function()
    bring "alice"
    assert.equal("", server.sql(NAME, OF_OTHERS))
    assert.equal("alice", server.sql(NAME, "SELECT name FROM app.note"))
    assert.equal("alice", server.sql(NAME, "SELECT DISTINCT installed_by FROM app.flyway_schema_history"))
  end)

  spec.it("the second goes on after the first, also with scripts that run one by one", function()
    write("V2__second.sql", SECOND)
    write("V3__third.sql", THIRD)
    write("V4__fourth.sql", FOURTH)
    bring "bob"
    assert.equal("", server.sql(NAME, OF_OTHERS))
    assert.equal(
      "alice,bob,by a migration",
      server.sql(NAME, "SELECT string_agg(name, ',' ORDER BY name) FROM app.note")
    )
    bring "alice"
    assert.equal("3", server.sql(NAME, "SELECT count(*) FROM app.note"))
  end)

  spec.it("a role to which something in the database belongs keeps on with that", function()
    server.sql(NAME, "ALTER TABLE app.more OWNER TO alice")
    write("V5__fifth.sql", "ALTER TABLE app.more ADD COLUMN word text;\n")
    bring "alice"
    assert.equal("app.more", server.sql(NAME, OF_OTHERS))
  end)
end
