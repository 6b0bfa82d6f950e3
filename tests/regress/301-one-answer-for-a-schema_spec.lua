-- Two tables of a schema were asked about twice, though one answer has all tables of it, unless they are many.

local known = require "o2x.effects.pg.known"
local servers = require "tests.support.servers"

describe("what a run knows of tables", function()
  local server
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", "CREATE TABLE a (n int); CREATE TABLE b (m text)")
    server.sql(
      "postgres",
      [[CREATE SCHEMA big; DO $$ BEGIN FOR i IN 1..505 LOOP
        EXECUTE format('CREATE TABLE big.t%s (c%s int)', i, i); END LOOP; END $$]]
    )
  end)
  teardown(function() server.stop() end)

  -- tables, how many are asked about, how often
  local CASES <const> = {
    { { "public.a", "public.b" }, 1, 1 },
    { { "public.a", "public.nosuch" }, 2, 2 },
    { { "big.t1", "big.t2", "big.t3" }, 3, 2 },
    { { "public.a", "big.t1" }, 2, 1 },
    { { "a", "b" }, 2, 1 },
  }

  it("is asked once a schema, and table by table where they are many", function()
    local db <close> = server.connect "postgres"
    for i, case in ipairs(CASES) do
      local ctx, asked, times = {}, 0, 0
      local counting = {
        read_all = function(_, group)
          asked, times = asked + #group - 1, times + 1
          return db:read_all(group)
        end,
      }
      local columns, fresh = known.tables(ctx, "postgres", counting, case[1])
      assert.same({ case[2], case[3], true }, { asked, times, fresh }, tostring(i))
      for _, name in ipairs(case[1]) do
        assert.equal(name:find "nosuch" == nil, next(columns[name]) ~= nil, name)
      end
      assert.is_false(select(2, known.tables(ctx, "postgres", counting, case[1])))
    end
    print(("questions about tables: %d cases"):format(#CASES))
  end)
end)
