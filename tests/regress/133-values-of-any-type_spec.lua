-- A value of a type that o2x does not know is PostgreSQL's text; JSON that cannot be decoded is one line that names the
-- column.

local errors = require "o2x.base.error"
local servers = require "tests.support.servers"

local TEXTS <const> = {
  "'1.5'::money",
  "'10.0.0.0/8'::cidr",
  "'::1'::inet",
  "'08:00:2b:01:02:03'::macaddr",
  "'(1,2)'::point",
  "'((0,0),(1,1))'::box",
  "'[1,5)'::int4range",
  "'{[1,5)}'::int4multirange",
  "'a & b'::tsquery",
  "'a b'::tsvector",
  "B'101'",
  "'1 day'::interval",
  "'12:00+02'::timetz",
  "'infinity'::timestamptz",
  "'0/16B3748'::pg_lsn",
  "'$.a'::jsonpath",
  "'<a/>'::text",
  "'pg_class'::regclass",
  "'int4'::regtype",
  "'x'::\"char\"",
  "'x'::name",
  "'NaN'::numeric",
  "ROW(1, 'a', NULL)",
  "'1 2'::int2vector",
  "'1 2'::oidvector",
}

local LISTS <const> = { "ARRAY['10.0.0.1'::inet]", "ARRAY['1 day'::interval]", "ARRAY[ROW(1, 'a')]" }

local JSON <const> = {
  "'1e400'::jsonb",
  "repeat('[', 270)::text || repeat(']', 270)",
}

-- SQL of a JSON value → what is read
local READ <const> = {
  ["'99999999999999999999'::jsonb"] = 1e20,
  ["'9007199254740993'::jsonb"] = 9007199254740993,
  ["'1.5'"] = 1.5,
  ["'\"a\\u0000b\"'"] = "a\0b",
}

describe("a value of PostgreSQL", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  it("is a text if its type is not known", function()
    local db <close> = server.connect()
    for _, sql in ipairs(TEXTS) do
      assert.equal("string", type(db:one("SELECT " .. sql .. " AS v").v), sql)
    end
    for _, sql in ipairs(LISTS) do
      local value = db:one("SELECT " .. sql .. " AS v").v
      assert.truthy(type(value) == "string" or type(value[1]) == "string", sql)
    end
  end)

  it("that is JSON is read as it is meant", function()
    local db <close> = server.connect()
    for sql, expected in pairs(READ) do
      assert.equal(expected, db:one(("SELECT (%s)::json AS v"):format(sql)).v)
    end
    assert.equal(2, db:one([[SELECT '{"a": 1, "a": 2}'::json AS v]]).v.a)
  end)

  it("that is JSON beyond what o2x reads is one line", function()
    local db <close> = server.connect()
    for _, sql in ipairs(JSON) do
      local ok, err = xpcall(db.one, errors.handler, db, ("SELECT (%s)::json AS v"):format(sql))
      assert.is_false(ok, sql)
      assert.not_equal("bug", err.kind, tostring(err))
      assert.truthy(tostring(err):find("column v", 1, true), tostring(err))
      assert.is_nil(tostring(err):find "\n")
    end
  end)
end)
