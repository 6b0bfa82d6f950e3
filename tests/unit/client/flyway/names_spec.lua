local names = require "o2x.client.flyway.names"

-- name → kind, version, description
local FILES = {
  ["V1__x.sql"] = { "versioned", "1", "x" },
  ["sub/V1_2__add_more_things.sql"] = { "versioned", "1.2", "add more things" },
  ["V2__x.SQL"] = { "versioned", "2", "x" },
  ["V1.sql"] = { "versioned", "1", "" },
  ["V1__.sql"] = { "versioned", "1", "" },
  ["V1__a__b.sql"] = { "versioned", "1", "a  b" },
  ["V1___a.sql"] = { "versioned", "1", " a" },
  ["V20240115103000123456__b.sql"] = { "versioned", "20240115103000123456", "b" },
  ["B3__base.sql"] = { "baseline", "3", "base" },
  ["R__all_views.sql"] = { "repeatable", nil, "all views" },
  ["R__.sql"] = { "repeatable", nil, "" },
  ["afterMigrate.sql"] = { "callback", nil, "", "afterMigrate" },
  ["afterMigrate__grants.sql"] = { "callback", nil, "grants", "afterMigrate" },
  ["afterMigrateApplied.sql"] = { "callback", nil, "", "afterMigrateApplied" },
  ["beforeEachMigrateStatement__x.Sql"] = { "callback", nil, "x", "beforeEachMigrateStatement" },
}

local STRAYS = {
  "V1_x.sql",
  "V1a__x.sql",
  "V__x.sql",
  "V1..2__x.sql",
  "V1.__x.sql",
  "v1__x.sql",
  "V.sql",
  "R.sql",
  "R1__x.sql",
  "r__x.sql",
  "U1__x.sql",
  "notes.sql",
  "afterMigrateGrants.sql",
  "AfterMigrate.sql",
}

describe("the name of a file", function()
  it("says what it is", function()
    for script, expected in pairs(FILES) do
      local file = names.classify(script)
      assert.same(expected, { file.kind, file.version, file.description, file.event }, script)
    end
  end)

  it("may say that it is no migration, and why", function()
    for _, script in ipairs(STRAYS) do
      local file = names.classify(script)
      assert.equal("stray", file.kind, script)
      assert.is_string(file.why)
    end
  end)

  it("may be none that Flyway looks at", function()
    for _, script in ipairs {
      "README.md",
      "V1__x.sql.conf",
      "V1__x.sql.bak",
      "V1__x.txt",
      "README",
      "Rakefile",
      "V1.2__x",
    } do
      assert.is_nil(names.classify(script), script)
    end
  end)

  it("may be that of a program", function()
    for _, script in ipairs { "V1__x.sh", "V1__x.PY", "V1__x", "R__x.bash", "B1__x.ps1", "afterMigrate.sh" } do
      assert.is_true(names.classify(script).program, script)
    end
  end)

  it("may have a version that only Flyway takes", function()
    for _, script in ipairs {
      "V+1__x.sql",
      "V-1__x.sql",
      "Vlatest__x.sql",
      "VCURRENT__x.sql",
      "V１__x.sql",
      ("V%s__x.sql"):format(("1"):rep(51)),
    } do
      assert.is_string(names.classify(script).unsupported, script)
    end
    assert.is_nil(names.classify(("V%s__x.sql"):format(("1"):rep(50))).unsupported)
  end)
end)
