-- Ids that are allocated: which one, what is refused, what is left in the table.

local eventually = require "tests.support.eventually"
local gate = require "tests.support.gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"

local TABLES <const> = [[
  CREATE TABLE plain (id text PRIMARY KEY, name text, note text DEFAULT 'x');
  CREATE TABLE short (id varchar(4), name varchar(20));
  CREATE TABLE upper (id text, name text);
  CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := lower(NEW.id); RETURN NEW; END $$;
  CREATE TRIGGER up BEFORE INSERT ON upper FOR EACH ROW EXECUTE FUNCTION up();
  CREATE TABLE narrow (id text, name text);
  CREATE DOMAIN tenant_id AS text CHECK (VALUE ~ '^A');
  CREATE TABLE of_domain (id tenant_id, name text);
  CREATE SCHEMA o2x;
  CREATE VIEW o2x."public.narrow.id" AS SELECT 'A0041' AS id;]]

local function of(name, more)
  local o = { table = "public." .. name, column = "id", prefix = "A", digits = 4, first = 7, key = { name = "n" } }
  for field, value in pairs(more or {}) do
    o[field] = value
  end
  return o
end

-- What is there before, what is asked for, the id or what is said.
local CASES <const> = {
  { "", of "plain", "A0007" },
  { "INSERT INTO plain VALUES ('A0003', 'o')", of "plain", "A0007" },
  { "INSERT INTO plain VALUES ('A0009', 'o'), ('A0012', 'p')", of "plain", "A0013" },
  { "INSERT INTO plain VALUES ('A00099', 'o'), ('AA012', 'p'), ('a0099', 'q'), ('A009x', 'r')", of "plain", "A0007" },
  { "INSERT INTO plain VALUES ('A0100', 'n')", of "plain", "A0100" },
  { "INSERT INTO plain VALUES ('A9998', 'o')", of "plain", "A9999" },
  { "INSERT INTO plain VALUES ('A9999', 'o')", of "plain", "no id with 4 digits is left" },
  { "", of("plain", { first = 10000 }), "no id with 4 digits is left" },
  { "", of("plain", { first = 0 }), "A0001" },
  { "INSERT INTO plain VALUES ('0041', 'o')", of("plain", { prefix = "" }), "0042" },
  { "INSERT INTO plain VALUES ('A-_0041', 'o')", of("plain", { prefix = "A-_" }), "A-_0042" },
  { "", of("plain", { values = { note = "y" } }), "A0007" },
  { "INSERT INTO plain VALUES ('A0001', 'n'), ('A0002', 'n')", of "plain", "more than one row" },
  { "", of "short", "value too long" },
  { "", of("short", { digits = 3 }), "A007" },
  { "", of "upper", "a0007" },
  { "", of "narrow", "A0042" },
  { "INSERT INTO of_domain VALUES ('A0041', 'o')", of "of_domain", "A0042" },
  { "INSERT INTO of_domain VALUES ('A0041', 'o')", of("of_domain", { prefix = "B" }), "tenant_id_check" },
  { "", of "nosuch", "nosuch" },
}

describe("an allocated id", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  local function start()
    server.sql("postgres", "DROP DATABASE IF EXISTS d WITH (FORCE)")
    server.sql("postgres", "CREATE DATABASE d OWNER admin")
    server.sql("d", "SET ROLE admin; " .. TABLES)
    return gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = "d", control = "none", admin = "postgres" } },
    }
  end

  it("is the next one, or there is a reason", function()
    for i, case in ipairs(CASES) do
      local before, o, expected = table.unpack(case)
      local api, run = start()
      if before ~= "" then server.sql("d", before) end
      local name = o.table:match "%.(.*)"
      local where = ("case %d: %s"):format(i, before)
      if expected:find "^[%w_-]*%d$" then
        assert.equal(expected, api.tenant:ensure_allocated(o).id, where)
        assert.equal(expected, server.sql("d", ("SELECT id FROM %s WHERE name = 'n'"):format(name)), where)
        assert.equal(expected, api.tenant:ensure_allocated(o).id, where .. ", again")
      else
        local count = name == "nosuch" and "SELECT 0" or "SELECT count(*) FROM " .. name
        local rows = server.sql("d", count)
        assert.matches(expected, tostring(raised(api.tenant.ensure_allocated, api.tenant, o)), 1, true, where)
        assert.equal(rows, server.sql("d", count), where)
      end
      run.close()
    end
    print(("ids: %d cases"):format(#CASES))
  end)

  it("waits for another client that has the table", function()
    local api, run = start()
    local other <close> = server.connect "d"
    other:query "BEGIN"
    other:query "LOCK TABLE plain IN EXCLUSIVE MODE"
    local waiting = task.spawn(function() return api.tenant:ensure_allocated(of "plain").id end)
    eventually(
      "a wait for the lock",
      function() return server.sql("d", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "1" end
    )
    other:query "INSERT INTO plain VALUES ('A0041', 'o')"
    other:query "COMMIT"
    assert.equal("A0042", waiting:join())
    run.close()
  end)
end)
