local callbacks = require "o2x.client.flyway.callbacks"
local raised = require "tests.support.raised"
local resolve = require("o2x.client.flyway.folder").resolve
local servers = require "tests.support.servers"

describe("callbacks", function()
  local server
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", "CREATE DATABASE tried OWNER admin")
  end)
  teardown(function() server.stop() end)
  before_each(
    function()
      server.sql(
        "tried",
        "DROP TABLE IF EXISTS log; CREATE TABLE log (n serial, e text); GRANT ALL ON log, log_n_seq TO admin"
      )
    end
  )

  local function connect() return server.connect "tried" end

  local function log() return server.sql("tried", "SELECT e FROM log ORDER BY n") end

  local FILES = {
    ["afterMigrate.sql"] = "INSERT INTO log (e) VALUES ('${who} first')",
    ["afterMigrate__b.sql"] = "INSERT INTO log (e) VALUES ('b')",
    ["sub/afterMigrate__a.sql"] = "INSERT INTO log (e) VALUES ('a')",
    ["afterMigrateApplied.sql"] = "INSERT INTO log (e) VALUES ('another event')",
  }

  it("of an event run in the order of their descriptions", function()
    local events = callbacks.new(resolve(FILES, { who = "acme" }), connect)
    events:run "afterMigrate"
    events:run "beforeMigrate"
    assert.equal("acme first\na\nb", log())
    assert.same({ true, false }, { events:has "afterMigrate", events:has "beforeMigrate" })
  end)

  it("take part in the transaction that is open", function()
    local events = callbacks.new(resolve(FILES, { who = "acme" }), connect)
    local db <close> = connect()
    raised(db.transaction, db, function(tx)
      events:run_on("afterMigrate", tx)
      tx:query "SELECT 1/0"
    end)
    assert.equal("", log())
  end)

  it("have a transaction of their own, or none", function()
    local failing =
      callbacks.new(resolve { ["afterMigrate.sql"] = "INSERT INTO log (e) VALUES ('a'); SELECT 1/0" }, connect)
    assert.equal("22012", raised(failing.run, failing, "afterMigrate").code)
    assert.equal("", log())
    callbacks.new(resolve { ["afterMigrate.sql"] = "VACUUM" }, connect):run "afterMigrate"
  end)

  it("that cannot run are refused at once, those of events that never come are not looked at", function()
    raised(callbacks.new, resolve { ["afterMigrate.sql"] = "SELECT '${nosuch}'" }, connect)
    callbacks.new(resolve { ["beforeClean.sql"] = "SELECT '${nosuch}'" }, connect)
  end)

  it("of the end are those without which a migration is not done", function()
    local final = {}
    for i, file in ipairs(callbacks.final(resolve(FILES, { who = "acme" }))) do
      final[i] = file.script
    end
    assert.same(
      { "afterMigrate.sql", "afterMigrateApplied.sql", "sub/afterMigrate__a.sql", "afterMigrate__b.sql" },
      final
    )
  end)
end)
