-- V2__x.SQL was passed over without a word, and a version of 20 digits counted as 0.

local migrate = require "o2x.client.flyway.migrate"
local resolve = require("o2x.client.flyway.folder").resolve

describe("the names of migrations", function()
  it("may have the suffix in capitals and versions of any size", function()
    local files = {}
    local order =
      { "V1__a.sql", "V2__b.SQL", "V20240115103000123456__c.Sql", "V99999999999999999999999__d.sql", "R__e.SQL" }
    for _, name in ipairs(order) do
      files[name] = "SELECT 1"
    end
    local found = {}
    for i, migration in ipairs(migrate.pending(nil, resolve(files), {})) do
      found[i] = migration.script
    end
    assert.same(order, found)
  end)
end)
