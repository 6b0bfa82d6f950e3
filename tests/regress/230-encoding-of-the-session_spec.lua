-- A script that changed client_encoding had its texts stored damaged, without a word.

local migrated = require "tests.support.migrated"
local raised = require "tests.support.raised"

describe("a script that changes what its text is sent in", function()
  local tried
  setup(function() tried = migrated.new() end)
  teardown(function() tried.stop() end)

  it("is refused with its line, and leaves nothing", function()
    for _, setting in ipairs { "SET client_encoding = 'LATIN1'", "SET NAMES 'SQL_ASCII'", "SET DateStyle = German" } do
      local problem = raised(tried.migrate, {
        ["V1__a.sql"] = ("CREATE TABLE a (x text);\n%s;\nINSERT INTO a VALUES ('größe');"):format(setting),
      })
      assert.equal("input", problem.kind)
      assert.equal("V1__a.sql:2", problem.where)
      assert.matches("the session's %w+_?%w+ is now", problem.message)
      assert.equal("", tried.sql "SELECT to_regclass('a')")
    end
  end)

  it("runs when it only says what is so, also in a database with dates of its own", function()
    tried.sql "ALTER DATABASE tried SET DateStyle = 'German'"
    local text = "CREATE TABLE a AS SELECT 'größe ' || '2024-02-01'::date::text AS x;"
    tried.migrate { ["V1__a.sql"] = "SET client_encoding = 'UTF8';" .. text }
    assert.equal("größe 2024-02-01", tried.sql "SELECT x FROM a")
  end)
end)
