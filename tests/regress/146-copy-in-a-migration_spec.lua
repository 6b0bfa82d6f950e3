-- A migration with COPY … FROM STDIN was refused.

local migrated = require "tests.support.migrated"

describe("a migration with COPY FROM STDIN", function()
  local tried
  setup(function() tried = migrated.new() end)
  teardown(function() tried.stop() end)

  it("loads its rows, in a transaction and outside", function()
    tried.migrate {
      ["V1__t.sql"] = "CREATE TABLE t (id int, x text);\nCOPY t (id, x) FROM stdin;\n1\ta;b\n2\t\\N\n\\.\n\nSELECT 1;",
      ["V2__t.sql"] = 'COPY t FROM STDIN WITH (FORMAT csv);\n3,"c;"\n\\.\nINSERT INTO t VALUES (4);',
      ["V2__t.sql.conf"] = "executeInTransaction=false",
    }
    assert.equal("1|a;b\n2|\n3|c;\n4|", tried.sql "SELECT id, x FROM t ORDER BY 1")
  end)
end)
