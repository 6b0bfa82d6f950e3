-- SET ROLE in a script took the right to write the history from o2x.

local migrated = require "tests.support.migrated"

describe("a script that takes another role", function()
  local tried
  setup(function() tried = migrated.new() end)
  teardown(function() tried.stop() end)

  it("has its row in the history, and the next one is run by the first role again", function()
    tried.sql "CREATE ROLE app; GRANT app TO admin; GRANT CREATE ON SCHEMA public TO app"
    local files = {
      ["V1__a.sql"] = "SET ROLE app; CREATE TABLE owned (id int);",
      ["V2__b.sql"] = "SET SESSION ROLE app; VACUUM owned;",
      ["V2__b.sql.conf"] = "executeInTransaction=false",
      ["V3__c.sql"] = "CREATE TABLE who AS SELECT current_user::text AS u, current_setting('search_path') AS p;",
    }
    assert.same({ "V1__a.sql", "V2__b.sql", "V3__c.sql" }, tried.migrate(files))
    assert.equal('admin|"public","$user", public', tried.sql "SELECT u, p FROM who")
    assert.equal("app", tried.sql "SELECT relowner::regrole FROM pg_class WHERE relname = 'owned'")
  end)
end)
