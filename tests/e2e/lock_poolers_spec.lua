-- Two operators, one through the real pgbouncer and one beside it: the lock is the same, whatever the pooler's mode.

local eventually = require "tests.support.eventually"
local operators = require "tests.support.operators"
local pgbouncer = require "tests.support.pgbouncer"

local STOP <const>, CONTINUE <const> = 19, 18
local SHORT <const> = { O2X_LOCK_SECONDS = "4" }

-- mode, further lines of the configuration, whether o2x goes past it (pg.direct)
local MODES <const> = {
  { "session" },
  { "session", "server_reset_query =" },
  { "transaction", nil, true },
  { "transaction", "ignore_startup_parameters = options", true },
  { "statement", nil, true },
}

describe("a tenant's lock", function()
  if not pgbouncer.is_installed() then
    pending "pgbouncer is not installed: run vendor/bootstrap"
    return
  end
  local place
  setup(function() place = operators.start() end)
  teardown(function() place:stop() end)
  after_each(function() place:forget() end)

  local function holder() return place:sql(operators.CONTROL, "SELECT coalesce(run, '-') FROM o2x.lock") end
  local function heartbeat() return place:sql(operators.CONTROL, "SELECT heartbeat FROM o2x.lock") end

  -- The environment of the one who goes through the pooler.
  local function through(pooler, direct, more)
    local env = { PGPORT = tostring(pooler.port), O2X_PG_DIRECT = direct and "127.0.0.1:" .. place.server.port or nil }
    for name, value in pairs(more or {}) do
      env[name] = value
    end
    return env
  end

  local function refused(result)
    assert.equal(5, result.code, result.stderr)
    assert.matches("acme is locked: .-@.- runs held", result.stderr)
  end

  local function run_of(name) return { "run", place.runbook, "acme", "who=" .. name } end

  for _, mode in ipairs(MODES) do
    local title = ("%s %s"):format(mode[1], mode[2] or "")

    it("keeps the other one out, on both sides, is renewed and given back: " .. title, function()
      local pooler <close> = pgbouncer.start(place.server, mode[1], mode[2])
      local ann = place:start("ann", through(pooler, mode[3], SHORT)):waits()
      local first = heartbeat()
      refused(place:o2x("ben", run_of "ben"))
      eventually("a sign of life", function() return heartbeat() ~= first end)
      refused(place:o2x("ben", run_of "ben"))
      place:go "ann"
      local code, said = ann:ends()
      assert.equal(0, code, said)
      assert.equal("-", holder())
      local ben = place:start("ben"):waits()
      refused(place:o2x("ann", run_of "ann", through(pooler, mode[3])))
      assert.matches("root@%S+ +held", place:o2x("ann", { "locks" }, through(pooler, mode[3])).stdout)
      place:go "ben"
      code, said = ben:ends()
      assert.equal(0, code, said)
      assert.equal("ann first, ann second, ben first, ben second", place:notes())
    end)

    it("is lost by the one who slept, and its number is too low: " .. title, function()
      local pooler <close> = pgbouncer.start(place.server, mode[1], mode[2])
      local ann = place:start("ann", through(pooler, mode[3])):waits()
      place:sql(operators.CONTROL, "UPDATE o2x.lock SET heartbeat = now() - interval '1 hour'")
      place:go "ben"
      local code, said = place:start("ben"):ends()
      assert.equal(0, code, said)
      place:go "ann"
      code, said = ann:ends()
      assert.equal(5, code, said)
      assert.matches("another run has taken acme since %(lock %d+, ours is %d+%)", said)
      assert.equal("ann first, ben first, ben second", place:notes())
      local slow = place:start("cem", through(pooler, mode[3], SHORT)):waits()
      slow:kill(STOP)
      eventually(
        "the end of its time",
        function() return place:o2x("ben", { "locks" }).stdout:find("expired", 1, true) end
      )
      place:sql(operators.CONTROL, "UPDATE o2x.lock SET machine = 'another one'")
      code, said = place:start("ben"):ends()
      assert.equal(0, code, said)
      place:go "cem"
      slow:kill(CONTINUE)
      code, said = slow:ends()
      assert.equal(5, code, said)
      assert.equal("ann first, ben first, ben second, cem first", place:notes())
    end)
  end

  for _, mode in ipairs { "transaction", "statement" } do
    it("is not taken where the pooler has no sessions, and nothing is left: " .. mode, function()
      local pooler <close> = pgbouncer.start(place.server, mode)
      place:sql(operators.CONTROL, "UPDATE o2x.lock SET run = NULL")
      local before = place:sql(operators.CONTROL, "SELECT number FROM o2x.lock")
      local result = place:o2x("ann", run_of "ann", through(pooler, false))
      assert.equal(3, result.code, result.stderr)
      assert.matches("a pooler in transaction mode", result.stderr, 1, true)
      assert.matches("pg.direct", result.stderr, 1, true)
      assert.equal("-", holder())
      assert.equal(before, place:sql(operators.CONTROL, "SELECT number FROM o2x.lock"))
    end)
  end
end)
