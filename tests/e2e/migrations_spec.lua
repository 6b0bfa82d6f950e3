-- Migrations that fail or are killed, outside a transaction and in one: what a later run says, the commands that it
-- proposes, and the end that they lead to.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"

local RUNBOOK = [[
local database = require "stdlib.database"
return require "o2x.runbook" {
  name = "base", version = "1.0.0", api = 1, summary = "A database with its migrations", effects = { "pg:write" },
  run = function(tenant)
    step("Create the database", database.create, tenant)
    step("Migrate the database", database.migrate, tenant)
  end,
}
]]

local DATABASE = "coredb-newclient"
local FOLDER = "platform/engine/db/migration/"

-- In a transaction, outside of one, and one that commits by itself.
local FILES = {
  ["V900__ledger.sql"] = "CREATE TABLE ledger (n serial, what text); INSERT INTO ledger (what) VALUES ('900');",
  ["V901__outside.sql"] = "INSERT INTO ledger (what) VALUES ('901');\nCREATE INDEX CONCURRENTLY i ON ledger (what);",
  ["V901__outside.sql.conf"] = "executeInTransaction=false",
  ["V902__inside.sql"] = "INSERT INTO ledger (what) VALUES ('902 a'); INSERT INTO ledger (what) VALUES ('902 b');",
  ["V903__own.sql"] = "INSERT INTO ledger (what) VALUES ('903 a'); COMMIT; INSERT INTO ledger (what) VALUES ('903 b');",
  ["R__ledger.sql"] = "INSERT INTO ledger (what) VALUES ('R');",
  ["afterMigrate.sql"] = "CREATE TABLE IF NOT EXISTS after_migrate (n int);",
}

describe("migrations from outside", function()
  local server, folder
  setup(function()
    server = servers.start "postgres"
    folder = fs.temp_folder "/tmp/o2x-migrations-"
    fs.mkdir(fs.join(folder, "runbooks"))
    fs.copy_tree("stdlib", fs.join(folder, "stdlib"))
    fs.copy_tree("examples/platform", fs.join(folder, "platform"))
    fs.write(fs.join(folder, "runbooks/base.lua"), RUNBOOK)
    fs.copy_tree("runbooks/migrations-repair.lua", fs.join(folder, "runbooks/migrations-repair.lua"))
    server.sql("postgres", "CREATE DATABASE enginedevdb OWNER admin")
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)
  before_each(function()
    server.sql("postgres", ('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(DATABASE))
    if fs.exists(fs.join(folder, "runs")) then fs.remove_tree(fs.join(folder, "runs")) end
    for name, text in pairs(FILES) do
      fs.write(fs.join(folder, FOLDER .. name), text)
    end
  end)

  local function options(kill_at, ...)
    local env = {
      O2X_PLATFORM = fs.join(folder, "platform"),
      O2X_STATE = fs.join(folder, "runs"),
      O2X_PG_LOCALE = server.state.locale,
      O2X_KILL_AT = kill_at and tostring(kill_at),
    }
    for name, value in pairs(server.env) do
      env[name] = value
    end
    return { argv = { build.o2x, ... }, cwd = folder, env = env, timeout = 120 }
  end

  local function o2x(kill_at, ...) return proc.run(options(kill_at, ...)) end

  local function ledger()
    return server.sql(DATABASE, "SELECT string_agg(what, ', ' ORDER BY n) FROM ledger")
      .. "; failed: "
      .. server.sql(DATABASE, "SELECT count(*) FROM flyway_schema_history WHERE NOT success")
  end

  local WHOLE = "900, 901, 902 a, 902 b, 903 a, 903 b, R; failed: 0"

  it("killed at each arrow and resumed, end alike", function()
    local whole = o2x(nil, "run", "base", "newclient")
    assert.equal(0, whole.code, whole.stderr)
    assert.equal(WHOLE, ledger())
    local at = 0
    repeat
      at = at + 1
      server.sql("postgres", ('DROP DATABASE "%s" WITH (FORCE)'):format(DATABASE))
      fs.remove_tree(fs.join(folder, "runs"))
      local run = o2x(at, "run", "base", "newclient")
      if run.code ~= 0 then
        assert.equal(9, run.signal, run.stderr)
        local resumed = o2x(nil, "resume")
        assert.equal(0, resumed.code, ("killed at %d: %s"):format(at, resumed.stderr))
      end
      assert.equal(WHOLE, ledger(), "killed at " .. at)
    until run.code == 0
    assert.is_true(at > 5, "only " .. at .. " arrows")
  end)

  -- The command that the hint of a refusal ends with.
  local function proposed(result)
    local text = (result.stdout .. result.stderr):gsub("\27%[[%d;]*m", ""):gsub("%s+", " ")
    local words = {}
    for word in (text:match "o2x (run migrations%-repair [%w-]+ %-%-confirm=[%w-]+)" or ""):gmatch "%S+" do
      words[#words + 1] = word
    end
    assert.is_true(#words > 0, text)
    return words
  end

  it("killed outside a transaction are refused; the proposed command leads on", function()
    local path = fs.join(folder, FOLDER .. "V901__outside.sql")
    fs.write(path, "INSERT INTO ledger (what) VALUES ('901');\nSELECT pg_sleep(600);")
    local child = proc.start(options(nil, "run", "base", "newclient"))
    eventually(
      "the sleep of the script",
      function()
        return server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'") == "1"
      end
    )
    child:kill(9)
    proc.wait(child)
    child:close()
    server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")
    local refused
    for _ = 1, 2 do
      refused = o2x(nil, "resume")
      assert.not_equal(0, refused.code)
      assert.matches("failed migration to version 901", (refused.stderr .. refused.stdout):gsub("%s+", " "))
      assert.equal("900, 901; failed: 1", ledger())
    end
    server.sql(DATABASE, "DELETE FROM ledger WHERE what = '901'")
    fs.write(path, FILES["V901__outside.sql"])
    local command = proposed(refused)
    local planned = o2x(nil, "plan", table.unpack(command, 2, #command - 1))
    assert.matches("V901__outside.sql: failed: its row is removed", planned.stdout)
    local repaired = o2x(nil, table.unpack(command))
    assert.equal(0, repaired.code, repaired.stderr)
    local again = o2x(nil, "run", "base", "newclient")
    assert.equal(0, again.code, again.stderr)
    assert.equal(WHOLE, ledger())
  end)

  it("that fail say what was done and what is left", function()
    local path = fs.join(folder, FOLDER .. "V901__outside.sql")
    fs.write(path, "INSERT INTO ledger (what) VALUES ('900');\nCREATE UNIQUE INDEX CONCURRENTLY i ON ledger (what);")
    local failed = o2x(nil, "run", "base", "newclient")
    local text = (failed.stdout .. failed.stderr):gsub("%s+", " ")
    assert.matches("1 of 2 statements were executed", text)
    assert.matches("DROP INDEX CONCURRENTLY i", text)
    proposed(failed)
    server.sql(DATABASE, "DROP INDEX CONCURRENTLY i")
    server.sql(DATABASE, "DELETE FROM ledger WHERE n > 1")
    fs.write(path, FILES["V901__outside.sql"])
    assert.equal(0, o2x(nil, table.unpack(proposed(failed))).code)
    assert.equal(0, o2x(nil, "run", "base", "newclient").code)
    assert.equal(WHOLE, ledger())
  end)
end)
