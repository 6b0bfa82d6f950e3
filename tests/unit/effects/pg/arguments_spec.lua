local arguments = require "o2x.effects.pg.arguments"
local raised = require "tests.support.raised"

local function kind(fn, ...) return raised(fn, ...).kind end

describe("a table's name", function()
  it("is a schema and a table, or a table", function()
    assert.equal("core_config.tenant", arguments.table_name "core_config.tenant")
    assert.equal("account", arguments.table_name "account")
  end)

  for _, name in ipairs { 1, {}, "", "a.b.c", 't"; drop table x; --', "a b", ".t", "t.", "a\0" } do
    it("is not " .. tostring(name), function() assert.equal("input", kind(arguments.table_name, name)) end)
  end

  for _, name in ipairs {
    "o2x.effect",
    "pg_catalog.pg_authid",
    "pg_authid",
    "information_schema.tables",
    "public.flyway_schema_history",
    "flyway_schema_history",
    "pg_toast.x",
  } do
    it("is not a script's: " .. name, function() assert.equal("refused", kind(arguments.table_name, name)) end)
  end
end)

describe("ensure_allocated", function()
  it("takes plain numbers", function() arguments.allocation { column = "id", prefix = "T-", digits = 6, first = 1 } end)
  for _, o in ipairs {
    { column = "id", digits = 0 },
    { column = "id", digits = 999 },
    { column = "id", digits = 1.5 },
    { column = "id", digits = "6" },
    { column = "id", first = -1 },
    { column = "id", first = 0 / 0 },
    { column = "id", prefix = 1 },
    { column = "id", prefix = "a'b" },
    { column = "id", prefix = ("x"):rep(99) },
    { column = 'i"d' },
    {},
  } do
    it("refuses other ones", function() assert.equal("input", kind(arguments.allocation, o)) end)
  end
end)

describe("a placeholder", function()
  it("is plain text", function()
    assert.same(
      { a = "core db-1", n = "5", url = "https://x/y" },
      arguments.placeholders { a = "core db-1", n = 5, url = "https://x/y" }
    )
    assert.same({}, arguments.placeholders(nil))
  end)
  for _, value in ipairs { "x'; drop table t; --", '"', "a;b", "$$", "a--b", "${b}", "a\nb", "\\", "(x)", "/*" } do
    it("is not " .. value, function() assert.equal("refused", kind(arguments.placeholders, { a = value })) end)
  end
  for _, name in ipairs { "flyway:user", "", "a b", 1 } do
    it("is not called " .. name, function() assert.equal("input", kind(arguments.placeholders, { [name] = "x" })) end)
  end
  it("is not a table", function()
    assert.equal("refused", kind(arguments.placeholders, { a = {} }))
    assert.equal("input", kind(arguments.placeholders, "x"))
  end)
end)

describe("schemas", function()
  it(
    "are names",
    function() assert.same({ "public", "core_config" }, arguments.schemas { "public", "core_config" }) end
  )
  it("are not others", function()
    for _, list in ipairs { {}, "public", { 'a"b' }, { 1 } } do
      assert.equal("input", kind(arguments.schemas, list))
    end
    for _, name in ipairs { "o2x", "pg_catalog", "information_schema" } do
      assert.equal("refused", kind(arguments.schemas, { name }))
    end
  end)
end)

describe("roles", function()
  local ROLES = { "admin", "appuser" }
  it("are those of the platform", function()
    arguments.database({ owner = "admin", connection_limit = 5 }, ROLES)
    arguments.privileges({ all = { "admin" }, connect = "appuser" }, ROLES)
  end)
  it("are not others", function()
    assert.equal("refused", kind(arguments.database, { owner = "other" }, ROLES))
    assert.equal("refused", kind(arguments.privileges, { all = { "admin", "other" } }, ROLES))
    assert.equal("refused", kind(arguments.privileges, { connect = "PUBLIC" }, ROLES))
    assert.equal("input", kind(arguments.privileges, { connect = 'a"; drop role b; --' }, ROLES))
    assert.equal("input", kind(arguments.privileges, "all", ROLES))
    assert.equal("input", kind(arguments.database, { connection_limit = "1; drop" }, ROLES))
  end)
end)
