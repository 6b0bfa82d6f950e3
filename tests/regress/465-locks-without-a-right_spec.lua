-- Found by a walk: a role that may not read the table of locks was told so, and not what to grant.

local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

describe("o2x locks of a role without a right", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("says what to grant", function()
    ok(lab:o2x { "adopt", "urbanos" }) -- makes the table
    lab:sql("enginedevdb", "create role weak login password 'weak'")
    local env = { PGUSER = "weak", PGPASSWORD = "weak" }
    local refused = lab:o2x({ "locks" }, { env = env })
    assert.equal(4, refused.code, refused.stderr)
    lab:out("sh", "-c", (refused.stderr:match "psql %-d [^\n]+"))
    assert.matches("no run holds a tenant", ok(lab:o2x({ "locks" }, { env = env })).stderr)
  end)
end)
