-- Commands of psql for people: what they leave is what o2x would leave, whatever the values are, and o2x finds nothing
-- to do afterwards.

local gate = require "tests.support.gate"
local json = require "o2x.base.json"
local psql = require "o2x.effects.pg.psql"
local servers = require "tests.support.servers"
local shell = require "o2x.base.shell"
local value = require "o2x.base.value"

local NAME <const> = "coredb-newclient"

-- type of the column, what a script gives
local CASES <const> = {
  { "text", "plain" },
  { "text", "" },
  { "text", "it's; DROP TABLE hand.rows; --" },
  { "text", "a\\b \\' $$ $1 :'x' :x" },
  { "text", "two\nlines\nEOF\n\\! id\n" },
  { "text", "a\tb\r\27[31m" },
  { "text", "\u{202E}back é" },
  { "text", json.null },
  { "bytea", "\0\xff" },
  { "integer", -7 },
  { "bigint", math.mininteger },
  { "numeric", 0.1 },
  { "numeric", 0 / 0 },
  { "double precision", math.huge },
  { "boolean", false },
  { "jsonb", { a = { 1, "it's", false }, b = json.null } },
  { "json", json.array { 1, "two" } },
  { "text[]", json.array { "it's", 'q"', "{}", "" } },
  { "integer[]", json.array { 1, 2 } },
  { "timestamptz", "2026-01-01T00:00:00Z" },
}

describe("a row by hand", function()
  local server
  -- Runs SQL as the user of o2x and of people.
  local function sql(text) return server.client("psql", "-X", "-At", "-q", "-d", NAME, "-c", text) end
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin'):format(NAME))
    sql "CREATE SCHEMA hand"
  end)
  teardown(function() server.stop() end)

  local function run(lines)
    for _, line in ipairs(lines) do
      server.client("bash", "-e", "-o", "pipefail", "-c", line)
    end
  end

  local function with_table(fn)
    sql("DROP TABLE IF EXISTS hand.rows; CREATE TABLE hand.rows (id text PRIMARY KEY, a text, b text)")
    return fn { database = NAME, table = "hand.rows", key = { id = "it's" } }
  end

  for i, case in ipairs(CASES) do
    it(("is what o2x would write, %d: %s"):format(i, case[1]), function()
      sql("DROP TABLE IF EXISTS hand.cases")
      sql(("CREATE TABLE hand.cases (id text PRIMARY KEY, v %s)"):format(case[1]))
      local target = { database = NAME, table = "hand.cases", key = { id = "x" } }
      for _, before in ipairs { 1, 2 } do
        local text = psql.row(target, { v = case[2] }, before == 2 and { v = 1 } or nil)
        run { psql.command(NAME, text) }
      end
      local api, made = gate.run {
        mode = "apply",
        module = "pg",
        config = { pg = server.options(NAME, { sslmode = "disable" }) },
        scope = { pg = { tenant = NAME, control = NAME, admin = "postgres" } },
      }
      local _, outcome = api.tenant:ensure_row("hand.cases", { id = "x" }, { v = case[2] })
      made.close()
      assert.equal("unchanged", outcome)
    end)
  end

  it("is made, changed and removed; where nobody knows what is there, both are right", function()
    with_table(function(target)
      local function holds() return sql("SELECT id, a, b FROM hand.rows") end
      run { psql.command(NAME, psql.row(target, { a = "1", b = "2" }, value.unknown)) }
      assert.equal("it's|1|2", holds())
      run { psql.command(NAME, psql.row(target, { a = "3" }, value.unknown)) }
      assert.equal("it's|3|2", holds())
      run { psql.command(NAME, psql.row(target, { a = "4", b = "2" }, { a = "3", b = "2" }, { a = "4" })) }
      assert.equal("it's|4|2", holds())
      run { psql.command(NAME, psql.row(target, nil, {})) }
      assert.equal("", holds())
    end)
  end)

  it("takes a variable of the shell, which cannot end its literal", function()
    with_table(function(target)
      local line = psql.command(NAME, psql.row(target, { a = "x" .. shell.variable "ONE" }, nil))
      run { "export ONE=$'it\\'s\\n\\\\! id'\n" .. line }
      assert.equal("xit's\n\\! id", sql("SELECT a FROM hand.rows"))
    end)
  end)

  it("stops where a variable is not set", function()
    with_table(function(target)
      local line = psql.command(NAME, psql.row(target, { a = shell.variable "NOT_SET" }, nil))
      assert.is_false(pcall(server.client, "bash", "-c", line))
      assert.equal("0", sql("SELECT count(*) FROM hand.rows"))
    end)
  end)
end)
