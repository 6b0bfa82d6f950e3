-- An operator's machine whose clock is wrong, by ten minutes or a day: ages, expiry and takeover are by the server's
-- clock only, for the one who holds a tenant and for the one who looks.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local faults = require "tests.support.faults"
local json = require "o2x.base.json"
local operators = require "tests.support.operators"

if build.sanitized then return end -- the clock is moved by a library that they do not stand

local KILL <const> = 9
local OFF <const> = {
  ["ten minutes behind"] = -600,
  ["ten minutes ahead"] = 600,
  ["a day behind"] = -86400,
  ["a day ahead"] = 86400,
}

describe("a clock that is", function()
  local place
  setup(function() place = operators.start() end)
  teardown(function()
    place:stop()
    faults.forget()
  end)
  after_each(function() place:forget() end)

  local function control(text) return place:sql(operators.CONTROL, text) end

  -- The environment of a machine whose clock is off.
  local function wrong(seconds, more)
    local env = faults.clock(("at:%d"):format(os.time() + seconds))
    for name, value in pairs(more or {}) do
      env[name] = value
    end
    return env
  end

  -- What an operator is shown of the one holder.
  local function shown(env)
    local result = place:o2x("ben", { "locks", "--json" }, env)
    assert.equal(0, result.code, result.stderr)
    return json.decode(result.stdout).locks[1]
  end

  local function run_of(name) return { "run", place.runbook, "acme", "who=" .. name } end

  local function of_the_server(since)
    local sql = "SELECT abs(extract(epoch FROM clock_timestamp() - '%s'::timestamptz)) < 60"
    assert.equal("t", control(sql:format(since)))
  end

  for words, seconds in pairs(OFF) do
    it(words .. ", and holds the tenant, is seen as alive and renews", function()
      local ann = place:start("ann", wrong(seconds, { O2X_LOCK_SECONDS = "8" })):waits()
      local first = control "SELECT heartbeat FROM o2x.lock"
      local holder = shown()
      assert.is_true(holder.age >= 0 and holder.age < 8 and not holder.expired)
      of_the_server(holder.since)
      assert.equal(5, place:o2x("ben", run_of "ben").code)
      eventually("a sign of life", function() return control "SELECT heartbeat FROM o2x.lock" ~= first end)
      place:go "ann"
      local code, said = ann:ends()
      assert.equal(0, code, said)
    end)

    it(words .. ", and looks at a holder, takes over when that has expired, not before", function()
      local ann = place:start("ann"):waits()
      ann:kill(KILL)
      ann:ends()
      control "UPDATE o2x.lock SET machine = 'another one'"
      local holder = shown(wrong(seconds))
      assert.is_true(holder.age >= 0 and holder.age < 100 and not holder.expired)
      of_the_server(holder.since)
      local refused = place:o2x("ben", run_of "ben", wrong(seconds))
      assert.equal(5, refused.code, refused.stderr)
      assert.matches("it is over in [12]", refused.stderr)
      control "UPDATE o2x.lock SET heartbeat = clock_timestamp() - interval '121 seconds'"
      assert.is_true(shown(wrong(seconds)).expired)
      place:go "ben"
      local code, said = place:start("ben", wrong(seconds)):ends()
      assert.equal(0, code, said)
      assert.matches("acme is taken over: .-; it has expired", said)
      assert.equal("ann first, ben first, ben second", place:notes())
    end)
  end
end)
