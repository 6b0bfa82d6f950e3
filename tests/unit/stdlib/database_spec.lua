local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.database", function()
  local tenant = stdlib.tenant "newclient"

  it("creates the database with the platform's properties", function()
    local std = stdlib.new()
    std.require("database").create(tenant)
    local name, properties = table.unpack(std.called("pg.admin:ensure_database")[1])
    assert.equal("coredb-newclient", name)
    assert.equal("UTF8", properties.encoding)
    assert.equal(100, properties.connection_limit)
  end)

  it("lets only the services' user connect", function()
    local std = stdlib.new()
    std.require("database").create(tenant)
    local name, grants = table.unpack(std.called("pg.admin:ensure_grant")[1])
    assert.equal("coredb-newclient", name)
    assert.same({ "appuser" }, grants.connect)
  end)

  it("migrates with the platform's migrations and schemas", function()
    local std = stdlib.new()
    std.require("database").migrate(tenant)
    local database = tenant.platform.database
    assert.same({ { database.migrations, { schemas = database.schemas } } }, std.called "pg.tenant:ensure_migrated")
  end)

  it("migrates nothing where the platform names no migrations", function()
    local own = stdlib.tenant "newclient"
    own.platform.database.migrations = nil
    local std = stdlib.new()
    std.require("database").migrate(own)
    assert.same({}, std.called "pg.tenant:ensure_migrated")
    assert.matches("names no database.migrations", raised(std.require("database").repair_history, own).message)
  end)

  it("repairs the history of the same migrations", function()
    local std = stdlib.new()
    std.require("database").repair_history(tenant)
    local database = tenant.platform.database
    assert.same(
      { { database.migrations, { schemas = database.schemas } } },
      std.called "pg.tenant:ensure_migrations_repaired"
    )
  end)
end)
