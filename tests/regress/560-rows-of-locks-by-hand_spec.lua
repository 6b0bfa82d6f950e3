-- A row of o2x.lock with no sign of life ended runs with "this is a bug in o2x". One from a time to come (somebody set
-- the server's clock back, or edited the row) was "0.0 s ago" for days, and could not be given back.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local CONTROL <const> = "enginedevdb"

describe("a row of the locks that no run has written", function()
  local lab
  setup(function()
    lab = labs.start()
    ok(lab:o2x { "run", "restart", "urbanos", "services=service-sso" }) -- makes the table
  end)
  teardown(function() lab:stop() end)

  local function row(heartbeat, seconds)
    local sql = "update o2x.lock set run = 'R-x', runbook = null, \"user\" = null, host = null, since = null, "
      .. "machine = null, process = null, number = 7, heartbeat = %s, seconds = %s where tenant = 'urbanos'"
    lab:sql(CONTROL, sql:format(heartbeat, seconds))
  end

  local function holder() return lab:sql(CONTROL, "select run from o2x.lock where tenant = 'urbanos'") end

  local function again() return lab:o2x { "run", "restart", "urbanos", "services=service-sso" } end

  for _, empty in ipairs { { "null", "null" }, { "null", "120" }, { "clock_timestamp()", "null" } } do
    it(("keeps nobody out where it says nothing: %s, %s"):format(empty[1], empty[2]), function()
      row(empty[1], empty[2])
      assert.is_true(json.decode(ok(lab:o2x { "locks", "--json" }).stdout).locks[1].expired)
      assert.matches("urbanos is taken over: ?@? runs ? (R-x)", ok(again()).stderr, 1, true)
      assert.equal("", holder())
    end)
  end

  it("from a time to come says so, and can be given back", function()
    row("clock_timestamp() + interval '3 days 1 hour'", 120) -- some of it passes before it is read
    local refused = again()
    assert.equal(5, refused.code)
    assert.matches("last sign of life 3 d ?%d* ?h? ahead of the server's clock", refused.stderr)
    assert.matches("it is over in 3 d", refused.stderr, 1, true)
    assert.matches("3 d ?%d* ?h? ahead", ok(lab:o2x { "locks", "urbanos" }).stdout)
    ok(lab:o2x { "locks", "--release=urbanos", "--reason=the clock was wrong" })
    assert.equal("", holder())
    ok(again())
  end)

  it("that lives is still not given back", function()
    row("clock_timestamp()", 120)
    assert.equal(5, lab:o2x({ "locks", "--release=urbanos", "--reason=test" }).code)
    assert.equal("R-x", holder())
    lab:sql(CONTROL, "update o2x.lock set run = null")
  end)
end)
