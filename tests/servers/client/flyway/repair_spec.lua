local migrate = require "o2x.client.flyway.migrate"
local raised = require "tests.support.raised"
local repair = require "o2x.client.flyway.repair"
local resolve = require("o2x.client.flyway.folder").resolve
local servers = require "tests.support.servers"

local OPTIONS = { schemas = { "public" } }

describe("a repair of the history", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)
  before_each(function() server.sql("postgres", "CREATE DATABASE tried OWNER admin") end)
  after_each(function() server.sql("postgres", "DROP DATABASE tried WITH (FORCE)") end)

  local function connect() return server.connect "tried" end

  local function rows()
    return server.sql(
      "tried",
      "SELECT installed_rank, version, description, type, success FROM flyway_schema_history ORDER BY 1"
    )
  end

  it("removes, notes and aligns rows in one transaction, and then needs nothing", function()
    local files = { ["V1__a.sql"] = "SELECT 1", ["V2__b.sql"] = "SELECT 2", ["V3__c.sql"] = "VACUUM nosuch" }
    raised(migrate.migrate, connect, resolve(files), OPTIONS)
    files = { ["V1__renamed.sql"] = "SELECT 'changed'", ["V3__c.sql"] = "VACUUM" }
    local done = repair.repair(connect, resolve(files), OPTIONS)
    assert.equal(3, #done)
    assert.equal("1|1|renamed|SQL|t\n2|2|b|SQL|t\n3|2|b|DELETE|t", rows())
    assert.same({}, repair.repair(connect, resolve(files), OPTIONS))
    migrate.migrate(connect, resolve(files), OPTIONS)
    assert.equal("1|1|renamed|SQL|t\n2|2|b|SQL|t\n3|2|b|DELETE|t\n4|3|c|SQL|t", rows())
  end)

  it("changes nothing when it fails", function()
    raised(migrate.migrate, connect, resolve { ["V1__a.sql"] = "VACUUM nosuch", ["R__r.sql"] = "" }, OPTIONS)
    server.sql(
      "tried",
      "ALTER TABLE flyway_schema_history OWNER TO postgres; GRANT SELECT ON flyway_schema_history TO admin"
    )
    assert.equal("42501", raised(repair.repair, connect, resolve {}, OPTIONS).code)
    assert.equal("1|1|a|SQL|f", rows())
  end)
end)
