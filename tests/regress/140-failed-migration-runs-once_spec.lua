-- A migration that failed outside a transaction began again at its first statement on each run.

local migrated = require "tests.support.migrated"
local raised = require "tests.support.raised"

describe("a migration that failed outside a transaction", function()
  local tried
  setup(function() tried = migrated.new() end)
  teardown(function() tried.stop() end)

  it("does not run again before the history is repaired", function()
    local files = {
      ["V1__book.sql"] = "CREATE TABLE book (amount int); INSERT INTO book VALUES (100);",
      ["V2__raise.sql"] = "UPDATE book SET amount = amount + 10; SELECT 1/0;",
      ["V2__raise.sql.conf"] = "executeInTransaction=false",
    }
    assert.equal("22012", raised(tried.migrate, files).code)
    for _ = 1, 3 do
      assert.matches("failed migration to version 2", raised(tried.migrate, files).message)
    end
    assert.equal("110", tried.sql "SELECT amount FROM book")
    files["V2__raise.sql"] = "UPDATE book SET amount = amount + 1;"
    raised(tried.migrate, files)
    tried.repair(files)
    assert.same({ "V2__raise.sql" }, tried.migrate(files))
    assert.equal("111", tried.sql "SELECT amount FROM book")
  end)

  it("is one only if its configuration says so outside a comment", function()
    local files = {
      ["V1__book.sql"] = "CREATE TABLE book (amount int); INSERT INTO book VALUES (100);",
      ["V2__raise.sql"] = "UPDATE book SET amount = amount + 1;",
      ["V2__raise.sql.conf"] = "executeInTransaction=false",
      ["V3__raise.sql"] = "UPDATE book SET amount = 0; SELECT 1/0;",
      ["V3__raise.sql.conf"] = "# executeInTransaction=false",
    }
    for _ = 1, 2 do
      assert.equal("22012", raised(tried.migrate, files).code)
    end
    assert.equal("111", tried.sql "SELECT amount FROM book")
  end)
end)
