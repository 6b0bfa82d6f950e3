-- o2x.project.pg_service; tests/reference/psql_spec.lua compares it with psql.

local environment = require "o2x.project.environment"
local folder = require "tests.support.folder"
local pg_service = require "o2x.project.pg_service"
local raised = require "tests.support.raised"

local FILE <const> = [[
# the team's servers
[first]
host=db.example.com
 port=5433
user=ann
password=a=b
options=-c search_path=x
dbname=core

[second]
host = spaced
[first]
host=other
]]

describe("a service file", function()
  local place, env
  before_each(function()
    place = folder()
    place:write("services", FILE)
    env = { PGSERVICE = "first", PGSERVICEFILE = place:at "services", HOME = "" }
  end)
  after_each(function() place:close() end)

  it("gives the settings of the first section of that name, with their lines", function()
    assert.same({ "db.example.com", place:at "services" .. ":3" }, { pg_service.value("host", env) })
    assert.same({ "5433", place:at "services" .. ":4" }, { pg_service.value("port", env) })
    assert.equal("a=b", (pg_service.value("password", env)))
    assert.is_nil((pg_service.value("sslmode", env)))
  end)

  it("counts before the variables", function()
    env.PGHOST, env.PGUSER, env.PGSSLMODE = "from-variable", "bob", "require"
    assert.equal("db.example.com", (environment.value("pg.host", env)))
    assert.equal("ann", (environment.value("pg.user", env)))
    assert.equal("require", (environment.value("pg.sslmode", env)))
  end)

  it("is looked for in the home and in the system's folder", function()
    place:write("home/.pg_service.conf", "[mine]\nhost=a\n")
    place:write("etc/pg_service.conf", "[first]\nhost=b\n[mine]\nhost=c\n")
    local elsewhere = { HOME = place:at "home", PGSYSCONFDIR = place:at "etc", PGSERVICE = "mine" }
    assert.equal("a", (pg_service.value("host", elsewhere)))
    elsewhere.PGSERVICE = "first"
    assert.equal("b", (pg_service.value("host", elsewhere)))
    assert.is_nil((pg_service.value("host", { HOME = place:at "home" })))
  end)

  it(
    "warns of settings that are not used",
    function() assert.same({ place:at "services" .. ":7: o2x does not use options" }, environment.warnings(env)) end
  )

  local WRONG <const> = {
    { "[first]\nhost db\n", "services:2: expected setting=value" },
    { "[first]\nhost = db\n", "services:2: expected setting=value" },
    { "[first]\nldap://x/y\n", "services:2: expected setting=value" },
    { "[first]\nservice=second\n", "services:2: a service inside a service" },
    { "[third]\nhost=a\n", 'no service "first"' },
    { "", 'no service "first"' },
  }
  for _, case in ipairs(WRONG) do
    it(("is refused with its line: %q"):format(case[1]), function()
      place:write("services", case[1])
      local err = raised(pg_service.value, "host", env)
      assert.matches(case[2], tostring(err), 1, true)
      assert.equal("input", err.kind)
    end)
  end

  it("is refused if PGSERVICEFILE names none", function()
    env.PGSERVICEFILE = place:at "none"
    assert.matches("none: service file not found", tostring(raised(pg_service.value, "host", env)), 1, true)
  end)
end)
