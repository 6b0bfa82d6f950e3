-- The bodies of an archive's functions were looked into, but not its other expressions: a default, a view, a rule or an
-- aggregate could call a function of the server, which then ran with the rights of whoever used the table: the admin.

local check = require "o2x.client.pg.dump_check"
local dump = require "o2x.client.pg.dump"
local raised = require "tests.support.raised"

local RULES <const> = { path = "a.dump", functions = {}, roles = { admin = true }, extensions = {} }

local function restore(sql)
  local text = dump.new("a.dump", {
    statement = function(statement) return check.action(statement, RULES) == "rows" end,
    row = function() end,
    rows_end = function() end,
  })
  text:line(sql)
end

describe("an archive", function()
  for _, sql in ipairs {
    "CREATE TABLE core_config.x (a int DEFAULT lo_export(1, '/tmp/x'));",
    "CREATE RULE r AS ON INSERT TO core_config.tenant DO ALSO SELECT pg_read_file('/etc/passwd');",
    "CREATE AGGREGATE public.a(text) (SFUNC = pg_read_file, STYPE = text);",
    "CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS 'update pg_authid set rolsuper = true';",
    "CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS 'begin grant pg_monitor to appuser; end';",
  } do
    it(
      "brings no expression that acts on the server: " .. sql,
      function() assert.equal("refused", raised(restore, sql).kind) end
    )
  end

  it("may bring defaults, views and rules", function()
    restore(
      "CREATE TABLE core_config.x "
        .. "(a bigint DEFAULT nextval('core_config.s'::regclass), b timestamp DEFAULT now());"
    )
    restore "CREATE VIEW core_config.v AS SELECT x.a, lower(x.b::text) FROM core_config.x;"
  end)
end)
