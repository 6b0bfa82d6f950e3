-- ensure_row with a value of each kind for a column of each type: what psql finds afterwards is what the same value as
-- SQL gives, the second run changes nothing, and the row says the same to the script both times.

local gate = require "tests.support.gate"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local value = require "o2x.base.value"

local NAME <const> = "coredb-newclient"
local DIGITS <const> = "1234567890123456789012345678901234567890"

-- type of the column, what the script gives, the same in SQL
local CASES <const> = {
  { "smallint", -32768, "-32768" },
  { "integer", 7, "7" },
  { "integer", "7", "7" },
  { "integer", 7.0, "7" },
  { "integer", "+0007", "7" },
  { "bigint", math.maxinteger, "9223372036854775807" },
  { "bigint", math.mininteger, "-9223372036854775808" },
  { "bigint", 9007199254740993, "9007199254740993" },
  { "bigint", "9007199254740993", "9007199254740993" },
  { "bigint", 2.0 ^ 53, "9007199254740992" },
  { "bigint", -0.0, "0" },
  { "numeric", 0.1, "0.1" },
  { "numeric", 1e-7, "0.0000001" },
  { "numeric", 1e20, "1e20" },
  { "numeric", 2.0 ^ 63, "9223372036854775808" },
  { "numeric", DIGITS, DIGITS },
  { "numeric", "-" .. DIGITS .. "." .. DIGITS, "-" .. DIGITS .. "." .. DIGITS },
  { "numeric", "1.50", "1.50" },
  { "numeric", "1e400", "1e400" },
  { "numeric", 0 / 0, "'NaN'" },
  { "numeric", "NaN", "'NaN'" },
  { "numeric", math.huge, "'Infinity'" },
  { "numeric(10,2)", 10.5, "10.50" },
  { "numeric(10,2)", "10.5", "10.50" },
  { "numeric(10,2)", 10, "10" },
  { "numeric(10,2)", "1.005", "1.01" },
  { "numeric(5,0)", 12345.4, "12345" },
  { "real", 0.1, "0.1" },
  { "real", 16777217, "16777216" },
  { "real", 1e-7, "1e-7" },
  { "double precision", 0.1, "0.1" },
  { "double precision", 1 / 3, "1.0/3.0" },
  { "double precision", 2, "2" },
  { "double precision", 1e20, "1e20" },
  { "double precision", 5e-324, "5e-324" },
  { "double precision", 1.7976931348623157e308, "1.7976931348623157e308" },
  { "double precision", -0.0, "'-0'" },
  { "double precision", 0 / 0, "'NaN'" },
  { "double precision", -math.huge, "'-Infinity'" },
  { "double precision", "1e3", "1000" },
  { "double precision", 9007199254740993, "9007199254740993" },
  { "boolean", true, "true" },
  { "boolean", "yes", "true" },
  { "boolean", "0", "false" },
  { "text", "a", "'a'" },
  { "text", "", "''" },
  { "text", " é€😀\r\n\t\\\"' ", "E' é€😀\\r\\n\\t\\\\\"'' '" },
  { "text", "\u{feff}\u{85}\u{2028}", "U&'\\FEFF\\0085\\2028'" },
  { "text", 7, "'7'" },
  { "text", true, "'true'" },
  { "text", { a = 1 }, "'{\"a\":1}'" },
  { "text", "NaN", "'NaN'" },
  { "varchar(5)", "abcde", "'abcde'" },
  { "char(5)", "ab", "'ab'" },
  { "char(5)", "ab   ", "'ab'" },
  { "name", "relation", "'relation'" },
  { '"char"', "x", "'x'" },
  { "bytea", "hello", "'hello'" },
  { "bytea", "\0\1\255", "'\\x0001ff'" },
  { "bytea", "\\x0001ff", "'\\x0001ff'" },
  { "bytea", "", "''" },
  { "uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'" },
  { "uuid", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'" },
  { "date", "2024-02-29", "'2024-02-29'" },
  { "date", "29 Feb 2024", "'2024-02-29'" },
  { "date", "1900-01-01", "'1900-01-01'" },
  { "date", "infinity", "'infinity'" },
  { "date", "0044-03-15 BC", "'0044-03-15 BC'" },
  { "time", "09:30", "'09:30'" },
  { "time(0)", "09:30:00.7", "'09:30:01'" },
  { "timetz", "09:30+02", "'09:30+02'" },
  { "timestamp", "2026-01-01T00:00:00Z", "'2026-01-01 00:00:00'" },
  { "timestamp", "2038-01-19 03:14:08.123456", "'2038-01-19 03:14:08.123456'" },
  { "timestamptz", "2026-01-01T00:00:00Z", "'2026-01-01 00:00:00+00'" },
  { "timestamptz", "2026-03-29T02:30:00+01:00", "'2026-03-29 01:30:00+00'" },
  { "timestamptz", "2026-03-29 02:30:00 Europe/Berlin", "'2026-03-29 02:30:00 Europe/Berlin'" },
  { "timestamptz", "9999-12-31T23:59:59.999999Z", "'9999-12-31 23:59:59.999999+00'" },
  { "timestamptz", "1900-01-01T00:00:00Z", "'1900-01-01 00:00:00+00'" },
  { "timestamptz", "infinity", "'infinity'" },
  { "timestamptz", "-infinity", "'-infinity'" },
  { "timestamptz(0)", "2026-01-01T00:00:00.6Z", "'2026-01-01 00:00:01+00'" },
  { "interval", "60 minutes", "'01:00:00'" },
  { "interval", "1 year 2 months", "'14 months'" },
  { "interval", "P1DT2H", "'1 day 2 hours'" },
  { "inet", "10.0.0.1/32", "'10.0.0.1'" },
  { "inet", "2001:DB8::0:1", "'2001:db8::1'" },
  { "cidr", "10/8", "'10.0.0.0/8'" },
  { "macaddr", "08-00-2B-01-02-03", "'08:00:2b:01:02:03'" },
  { "money", 12.5, "12.5" },
  { "money", "$1,000.00", "1000" },
  { "bit(3)", "101", "B'101'" },
  { "varbit", "10101", "B'10101'" },
  { "point", "(1,2)", "'(1,2)'" },
  { "box", "(1,2),(3,4)", "'(1,2),(3,4)'" },
  { "int4range", "[1,5]", "'[1,6)'" },
  { "tstzrange", "[2026-01-01 00:00Z,)", "'[2026-01-01 00:00+00,)'" },
  { "int4multirange", "{[1,2),[2,5)}", "'{[1,5)}'" },
  { "tsvector", "b a b", "'b a b'" },
  { "xml", "<a>1</a>", "'<a>1</a>'" },
  { "mood", "happy", "'happy'" },
  { "amount", 10.5, "10.50" },
  { "must", "x", "'x'" },
  { "pair", "(1,x)", "'(1,x)'" },
  { "pair", { a = 1, b = "x" }, "'(1,x)'" },
  { "json", { a = { 1, 2.0, 0.5 } }, "'{\"a\":[1,2,0.5]}'" },
  { "jsonb", { a = { 1, 2.0, 0.5 } }, "'{\"a\":[1,2,0.5]}'" },
  { "jsonb", '{ "a" : 1.50, "b": [ ] }', '\'{"a":1.5,"b":[]}\'' },
  { "jsonb", '"a text"', "'\"a text\"'" },
  { "jsonb", 5, "'5'" },
  { "jsonb", false, "'false'" },
  { "jsonb", { n = 9007199254740993, f = 1e20, z = json.null }, '\'{"n":9007199254740993,"f":1e20,"z":null}\'' },
  { "jsonb", json.array {}, "'[]'" },
  { "jsonb", {}, "'{}'" },
  { "jsonb", json.null, "NULL" },
  { "text", json.null, "NULL" },
  { "integer[]", { 1, 2, 3 }, "'{1,2,3}'" },
  { "integer[]", "{1,2,3}", "'{1,2,3}'" },
  { "integer[]", {}, "'{}'" },
  { "integer[]", { { 1, 2 }, { 3, 4 } }, "'{{1,2},{3,4}}'" },
  { "integer[]", { 1, json.null }, "'{1,NULL}'" },
  { "text[]", { "a", "", "NULL", 'a "b" \\ {c}, d', "é" }, "ARRAY['a','','NULL','a \"b\" \\ {c}, d','é']" },
  { "boolean[]", { true, false }, "'{t,f}'" },
  { "float8[]", { 0.1, 0 / 0, math.huge, -0.0 }, "'{0.1,NaN,Infinity,-0}'" },
  { "numeric(10,2)[]", { 1.5, "2" }, "'{1.50,2.00}'" },
  { "timestamptz[]", { "2026-01-01T00:00:00Z" }, "ARRAY['2026-01-01 00:00:00+00'::timestamptz]" },
  { "mood[]", { "happy", "sad" }, "'{happy,sad}'" },
  { "bytea[]", { "\0\255", "a" }, "ARRAY['\\x00ff'::bytea,'a'::bytea]" },
}

-- type, what the script gives, what is said
local REFUSED <const> = {
  { "integer", "x", 'invalid input syntax for type integer: "x"' },
  { "integer", 1.5, 'invalid input syntax for type integer: "1.5"' },
  { "integer", 2.0 ^ 31, "out of range" },
  { "bigint", 2.0 ^ 63, "out of range" },
  { "numeric(5,2)", 1000, "numeric field overflow" },
  { "varchar(3)", "abcd", "too long" },
  { "mood", "angry", "invalid input value for enum" },
  { "timestamptz", "yesterday-ish", "invalid input syntax" },
  { "date", "2026-02-29", "out of range" },
  { "text", "a\0b", "not UTF-8, or with a NUL" },
  { "text", "\255", "not UTF-8, or with a NUL" },
  { "jsonb", "{", "the text ends too early" },
  { "jsonb", '{"a":18446744073709551616}', "does not fit 64 bits" },
  { "jsonb", 0 / 0, "not finite" },
}

local NULLABLE <const> = { must = "must DEFAULT 'x'" }

local TYPES <const> = [[
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN amount AS numeric(10,2) CHECK (VALUE > 0);
CREATE DOMAIN must AS text NOT NULL;
]]

describe("a value for a column", function()
  local server, run, tenant, db
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin'):format(NAME))
    db = server.connect(NAME)
    local columns = { "id int PRIMARY KEY" }
    for i, case in ipairs(CASES) do
      columns[#columns + 1] = ("c%d %s"):format(i, NULLABLE[case[1]] or case[1])
    end
    for i, case in ipairs(REFUSED) do
      columns[#columns + 1] = ("r%d %s"):format(i, case[1])
    end
    db:script(TYPES .. ("CREATE TABLE every (%s);"):format(table.concat(columns, ", ")))
    local api
    api, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = NAME, admin = "postgres" } },
    }
    tenant = api.tenant
  end)
  teardown(function()
    run.close()
    db:close()
    server.stop()
  end)

  local function told(v) return json.encode(json.array { value.plain(v) }) end

  for i, case in ipairs(CASES) do
    it(("%d, %s, is the same when it is written again"):format(i, case[1]), function()
      local column, key = "c" .. i, { id = i }
      local function ensure()
        local row, outcome = tenant:ensure_row("every", key, { [column] = case[2] })
        return outcome, told(row[column])
      end
      local made, first = ensure()
      local again, second = ensure()
      assert.same({ "created", "unchanged", first }, { made, again, second })
      if case[2] == json.null or NULLABLE[case[1]] then return end
      db:query(("UPDATE every SET %s = NULL WHERE id = $1"):format(column), i)
      assert.equal("changed", (ensure()))
      assert.equal("unchanged", (ensure()))
    end)
  end

  it("is for psql what the same value in SQL is", function()
    local form =
      "SELECT %d, c%d::text IS NOT DISTINCT FROM ((%s)::%s)::text, c%d::text, ((%s)::%s)::text FROM every WHERE id = %d"
    local questions = {}
    for i, case in ipairs(CASES) do
      questions[i] = form:format(i, i, case[3], case[1], i, case[3], case[1], i)
    end
    local answers = server.client("psql", "-X", "-At", "-d", NAME, "-c", table.concat(questions, " UNION ALL\n"))
    local alike = 0
    for number, same, is, ought in answers:gmatch "(%d+)|([tf])|([^|]*)|([^|\n]*)" do
      assert.equal("t", same, ("%s %s: %s, not %s"):format(number, CASES[tonumber(number)][1], is, ought))
      alike = alike + 1
    end
    assert.equal(#CASES, alike)
    print(("values of rows: %d cases, %d like psql"):format(#CASES, alike))
  end)

  for i, case in ipairs(REFUSED) do
    it(("%s is refused with its name: %s"):format(case[1], tostring(case[2])), function()
      local err = raised(tenant.ensure_row, tenant, "every", { id = 1000 + i }, { ["r" .. i] = case[2] })
      assert.is_truthy(tostring(err):find(case[3], 1, true), tostring(err))
      assert.is_truthy(tostring(err):find("every", 1, true), tostring(err))
      assert.not_equal("bug", err.kind)
      assert.equal(0, db:one("SELECT count(*) AS n FROM every WHERE id = $1", 1000 + i).n)
    end)
  end
end)
