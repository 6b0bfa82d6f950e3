-- Migrations by psql where nobody could look what has run already: what is there then is what o2x leaves, whatever was
-- there before, and o2x finds nothing to do.

local flyway_migrate = require "o2x.client.flyway.migrate"
local fs = require "o2x.base.fs"
local history = require "o2x.client.flyway.history"
local migration_by_hand = require "o2x.effects.pg.migration_by_hand"
local resolve = require("o2x.client.flyway.folder").resolve
local servers = require "tests.support.servers"

local SCHEMAS <const> = { "public", "core_config" }

local FIRST <const> = {
  ["V1__first.sql"] = "CREATE TABLE core_config.tenant (id text);",
  ["V1_1__more.sql"] = "CREATE TABLE account (id int);",
  ["V2__last.sql"] = "CREATE TABLE it (s text);",
  ["R__it's.sql"] = "CREATE OR REPLACE VIEW v AS SELECT id FROM account;",
}
local CALLBACKS <const> = {
  ["beforeMigrate.sql"] = "CREATE TABLE IF NOT EXISTS calls (name text);",
  ["afterEachMigrate.sql"] = "INSERT INTO calls VALUES ('each');",
  ["afterMigrateApplied.sql"] = "INSERT INTO calls VALUES ('applied');",
}

local function with(...)
  local files = {}
  for _, more in ipairs { FIRST, ... } do
    for name, text in pairs(more) do
      files[name] = text or nil
    end
  end
  return files
end

-- what is there before: files that were migrated, or SQL; the folder; what runs then, in order
local CASES <const> = {
  { "nothing", nil, with(), "V1__first.sql V1_1__more.sql V2__last.sql R__it's.sql" },
  { "everything", with(), with(), "" },
  {
    "the first",
    with { ["V1_1__more.sql"] = false, ["V2__last.sql"] = false, ["R__it's.sql"] = false },
    with(),
    "V1_1__more.sql V2__last.sql R__it's.sql",
  },
  { "another text of a repeatable one", with { ["R__it's.sql"] = "SELECT 1;" }, with(), "R__it's.sql" },
  {
    "a baseline",
    "INSERT INTO flyway_schema_history VALUES (1, '1.1', 'b', 'BASELINE', 'b', NULL, 'x', now(), 0, true);"
      .. "CREATE TABLE account (id int)",
    with(),
    "V2__last.sql R__it's.sql",
  },
  { "a baseline script", nil, with { ["B2__all.sql"] = "CREATE TABLE account (id int);" }, "B2__all.sql R__it's.sql" },
  { "everything, with callbacks", with(CALLBACKS), with(CALLBACKS), "" },
  { "nothing, with callbacks", nil, with(CALLBACKS), "V1__first.sql V1_1__more.sql V2__last.sql R__it's.sql" },
}

describe("migrations by hand, of a database that nobody could look at", function()
  local server, folder
  setup(function()
    server, folder = servers.start "postgres", fs.temp_folder()
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)
  before_each(function() server.sql("postgres", "CREATE DATABASE tried OWNER admin") end)
  after_each(function() server.sql("postgres", "DROP DATABASE tried WITH (FORCE)") end)

  local function sql(text) return server.client("psql", "-X", "-At", "-q", "-d", "tried", "-c", text) end

  local function migrate(files)
    local function connect() return server.connect "tried" end
    return flyway_migrate.migrate(connect, resolve(files), { schemas = SCHEMAS })
  end

  local function by_hand(files)
    local tree = fs.join(folder, "sql")
    fs.remove_tree(tree)
    fs.mkdir(tree)
    for name, text in pairs(files) do
      fs.write(fs.join(tree, name), text)
    end
    local resolved = resolve(files)
    local target = { database = "tried", folder = "sql", schemas = SCHEMAS, resolved = resolved }
    local found = { pending = resolved.migrations, present = { schemas = { public = true } }, unknown = true }
    for _, line in ipairs(migration_by_hand.lines(target, found)) do
      server.client("bash", "-e", "-c", ('cd "%s"\n%s'):format(folder, line))
    end
  end

  -- The scripts that a history has from a rank on.
  local function scripts(rank)
    return sql(
      "SELECT coalesce(string_agg(script, ' ' ORDER BY installed_rank), '') FROM flyway_schema_history "
        .. "WHERE type LIKE 'SQL%' AND installed_rank > "
        .. rank
    ):gsub("\n$", "")
  end

  local function before(given)
    if type(given) == "table" then migrate(given) end
    if type(given) == "string" then
      local list = history.preparation(SCHEMAS, { schemas = { public = true } })
      for _, statement in ipairs(list) do
        if #statement == 1 then sql(statement[1]) end
      end
      sql(given)
    end
    local there = sql "SELECT to_regclass('flyway_schema_history') IS NOT NULL":match "t"
    return there and sql("SELECT coalesce(max(installed_rank), 0) FROM flyway_schema_history"):match "%d+" or "0"
  end

  for _, case in ipairs(CASES) do
    it("run what is missing, and nothing else: " .. case[1], function()
      local rank = before(case[2])
      by_hand(case[3])
      assert.equal(case[4], (scripts(rank)))
      assert.equal(0, #migrate(case[3]))
      if case[3]["beforeMigrate.sql"] then
        local _, expected = case[4]:gsub("%S+", "")
        local all = case[2] and 4 or expected
        assert.equal(tostring(all), sql("SELECT count(*) FROM calls WHERE name = 'each'"):match "%d+")
        assert.equal("1", sql("SELECT count(*) FROM calls WHERE name = 'applied'"):match "%d+")
      end
    end)
  end
end)
