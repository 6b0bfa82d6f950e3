local json = require "o2x.base.json"
local sql = require "o2x.client.pg.sql"

local function refused(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("input", err.kind)
  return err.message
end

describe("sql.quote", function()
  it("puts a plain name in quotes", function() assert.equal('"coredb-acme"', sql.quote "coredb-acme") end)

  it("refuses whatever else would stand in a statement", function()
    for _, name in ipairs { 'x"; drop table y; --', "", "1x", "a b", "a.b", ("x"):rep(64), "ä", "a\0" } do
      assert.matches("database name", refused(sql.quote, name, "database name"))
    end
    refused(sql.quote, nil)
  end)

  it("quotes each part of a table's name", function()
    assert.equal('"core_config"."tenant"', sql.quote_table "core_config.tenant")
    assert.equal('"tenant"', sql.quote_table "tenant")
    refused(sql.quote_table, "core.config.tenant")
  end)
end)

describe("sql.copy_row", function()
  it(
    "is a line of COPY's text format",
    function() assert.equal("a\t1\tt\tf\t\\N\t\\N\n", sql.copy_row("a", 1, true, false, json.null, nil)) end
  )

  it(
    "escapes what would end a cell or a line",
    function() assert.equal("a\\tb\\nc\\\\d\\re\n", sql.copy_row "a\tb\nc\\d\re") end
  )

  it("writes a table as JSON", function() assert.equal('{"a":1}\n', sql.copy_row { a = 1 }) end)
end)

describe("sql.array", function()
  it("is an array parameter", function()
    assert.equal('{"a","b c","1"}', sql.array { "a", "b c", 1 })
    assert.equal("{}", sql.array {})
    assert.equal("{NULL}", sql.array { json.null })
  end)

  it("escapes quotes and backslashes", function() assert.equal([[{"a\"b","c\\d"}]], sql.array { 'a"b', [[c\d]] }) end)
end)
