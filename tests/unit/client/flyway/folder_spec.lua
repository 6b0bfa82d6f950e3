local checksum = require "o2x.client.flyway.checksum"
local folder = require "o2x.client.flyway.folder"
local raised = require "tests.support.raised"

local function scripts(list)
  local found = {}
  for i, file in ipairs(list) do
    found[i] = file.script
  end
  return found
end

local function files(...)
  local map = {}
  for _, name in ipairs { ... } do
    map[name] = "SELECT 1"
  end
  return map
end

describe("a folder of migrations", function()
  it("is in the order of versions, repeatables last", function()
    local order = {
      "V1__x.sql",
      "V1_1__x.sql",
      "V1.5__x.sql",
      "V2__x.SQL",
      "B2__x.sql",
      "V2_0_1__x.sql",
      "V10__x.sql",
      "V20240115103000123456__x.sql",
      "R__a.sql",
      "R__b.sql",
      "R__\u{1F600}.sql",
      "R__\u{FFFD}.sql",
    }
    assert.same(order, scripts(folder.resolve(files(table.unpack(order))).migrations))
  end)

  it("keeps callbacks and what is neither apart", function()
    local resolved = folder.resolve(
      files("afterMigrate.sql", "sub/beforeMigrate__x.sql", "afterMigrate__a.sql", "V1_x.sql", "notes.sql", "README.md")
    )
    assert.same({ "afterMigrate.sql", "afterMigrate__a.sql", "sub/beforeMigrate__x.sql" }, scripts(resolved.callbacks))
    assert.same({ "V1_x.sql", "notes.sql" }, scripts(resolved.strays))
    assert.same({}, resolved.migrations)
  end)

  it("has the checksum of the text, and for repeatables that of the replaced text", function()
    local text = "SELECT '${name}'"
    local found = folder.resolve({ ["V1__a.sql"] = text, ["R__b.sql"] = text }, { Name = "acme" }).migrations
    assert.same({ checksum.of(text), nil }, { found[1].checksum, found[1].equivalent })
    assert.same({ checksum.of "SELECT 'acme'", checksum.of(text) }, { found[2].checksum, found[2].equivalent })
    local kept = folder.resolve {
      ["R__b.sql"] = text,
      ["R__b.sql.conf"] = "placeholderReplacement=false",
    }
    assert.equal(checksum.of(text), kept.migrations[1].checksum)
  end)

  it("finds a configuration in another case, and decodes by it", function()
    local found = folder.resolve { ["V1__A.SQL"] = "SELECT '\xfc'", ["v1__a.sql.conf"] = "encoding=ISO-8859-1" }
    assert.equal("SELECT 'ü'", found.migrations[1].text)
  end)

  it("does not look at the statements, nor at a configuration that it cannot follow", function()
    local found = folder.resolve {
      ["V1__a.sql"] = "SELECT '${nosuch}'; VACUUM; SELECT (",
      ["V1__a.sql.conf"] = "shouldExecute=false",
    }
    assert.matches("shouldExecute", found.migrations[1].problem.message)
  end)

  it("does not look at the text of a callback", function()
    local found = folder.resolve { ["beforeClean.sql"] = "\xfc" }
    assert.matches("not UTF%-8", found.callbacks[1].problem.message)
  end)

  it("is refused with two of one kind", function()
    for _, pair in ipairs {
      { "V1__a.sql", "V1.0__b.sql", "duplicate version" },
      { "V10000000000000000000__a.sql", "sub/V10000000000000000000__b.sql", "duplicate version" },
      { "B1__a.sql", "B1__b.sql", "duplicate version" },
      { "R__a.sql", "sub/R__a.sql", "duplicate description" },
      { "afterMigrate.sql", "sub/afterMigrate.sql", "the same callback twice" },
    } do
      assert.matches(pair[3], raised(folder.resolve, files(pair[1], pair[2])).message)
    end
    folder.resolve(files("V1__a.sql", "B1__a.sql", "R__a.sql"))
  end)

  it("is refused by name for what is not supported", function()
    assert.matches("a version with a sign is not supported", raised(folder.resolve, files "V-2__x.sql").message)
    local problem = raised(folder.resolve, { ["V1__x.sql"] = "SELECT\n'\xfc'" })
    assert.same({ "V1__x.sql", "line 2 is not UTF-8: byte 0xFC" }, { problem.where, problem.message })
    assert.matches("placeholder", raised(folder.resolve, { ["R__x.sql"] = "${nosuch}" }).message)
  end)

  it("names the files that have to be read", function()
    for path, expected in pairs {
      ["V1__a.sql"] = true,
      ["v1__a.SQL.conf"] = true,
      ["notes.sql"] = true,
      ["R__a.sh"] = true,
      ["README.md"] = false,
      ["flyway.conf"] = false,
    } do
      assert.equal(expected, folder.interesting(path), path)
    end
  end)
end)
