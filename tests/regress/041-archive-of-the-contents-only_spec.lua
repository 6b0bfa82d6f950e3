-- A restore ran whatever an archive's table of contents carried, as the admin: ALTER DATABASE of another tenant. Whose
-- archive it was the script said: `owner = { table = …, key = {} }` accepted any. A table's name was put into SQL.

local dump = require "o2x.client.pg.dump"
local dump_check = require "o2x.client.pg.dump_check"
local gate = require "tests.support.gate"
local pg_sql = require "o2x.client.pg.sql"
local raised = require "tests.support.raised"

describe("an archive", function()
  it("is refused with a statement about another database", function()
    local rules = { path = "a.dump", roles = {}, extensions = {}, functions = {} }
    local splitter = dump.new("a.dump", {
      statement = function(s) return dump_check.action(s, rules) == "rows" end,
      row = function() end,
      rows_end = function() end,
    })
    local problem = raised(splitter.line, splitter, 'ALTER DATABASE "coredb-newclient-sbx" OWNER TO x;')
    assert.equal("refused", problem.kind)
    assert.matches("ALTER DATABASE .*is not restored", problem.message)
  end)

  it("is not asked whose it is", function()
    local api, run = gate.run { mode = "apply", module = "archive", config = { state = "/tmp" }, scope = { pg = {} } }
    local problem = raised(api.examine, "/etc/hostname", { table = "core_config.tenant", key = {} })
    assert.equal("input", problem.kind)
    run.close()
  end)

  it("has tables with names", function()
    assert.equal('public."order"', pg_sql.table_name 'public."order"')
    for _, name in ipairs { "t", "a.b.c", "public.t; drop table t", 'public."t" x', "public.f()", 1, "" } do
      assert.equal("input", raised(pg_sql.table_name, name).kind)
    end
  end)
end)
