-- A repeatable migration that failed outside a transaction counted as applied for ever.

local migrated = require "tests.support.migrated"
local raised = require "tests.support.raised"

describe("a repeatable migration that failed outside a transaction", function()
  local tried
  setup(function() tried = migrated.new() end)
  teardown(function() tried.stop() end)

  it("is refused until it is repaired, and then runs once", function()
    local files = { ["V1__t.sql"] = "CREATE TABLE t (id int);", ["R__tidy.sql"] = "VACUUM nosuch;" }
    raised(tried.migrate, files)
    files["R__tidy.sql"] = "VACUUM t;"
    for _ = 1, 2 do
      assert.matches("failed repeatable migration tidy", raised(tried.migrate, files).message)
    end
    tried.repair(files)
    assert.same({ "R__tidy.sql" }, tried.migrate(files))
    assert.same({}, tried.migrate(files))
  end)
end)
