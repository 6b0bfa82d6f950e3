-- What o2x policy prints for PostgreSQL is applied by the server's master user, too, which is no superuser: it may not
-- even say NOSUPERUSER, and the file ended there, with a role that could not log in.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

describe("the policy of PostgreSQL", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("is applied by a master user who is no superuser", function()
    assert.equal("f", lab:sql("postgres", "select rolsuper from pg_roles where rolname = current_user"):match "%a")
    local path = fs.join(lab.dir, "policy.sql")
    fs.write(path, lab:o2x({ "policy", "urbanos", "--system=postgresql" }).stdout)
    for _ = 1, 2 do
      local applied = lab:run { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", path }
      assert.equal(0, applied.code, applied.stderr)
    end
    local flags = "select rolcanlogin, rolcreatedb, rolsuper, rolcreaterole, rolreplication, rolbypassrls "
      .. "from pg_roles where rolname = 'o2x-urbanos'"
    assert.matches("^t|t|f|f|f|f", lab:sql("postgres", flags))
  end)
end)
