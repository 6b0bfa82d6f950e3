-- cache-clear, looked at with redis-cli: which keys go, which stay, plan, kill and resume, what is refused.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local RUNBOOK, CONFIRM = "runbooks/cache-clear.lua", "--confirm=urbanos"
local ID, NEIGHBOUR = "TIDLT-100005", "TIDLT-1000051"

describe("cache-clear", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function cli(...) return lab:out("redis-cli", "--no-auth-warning", "-u", lab.env.REDIS_URL, ...) end

  local function keys(pattern)
    local count = 0
    for _ in
      lab
        :out("sh", "-c", 'redis-cli --no-auth-warning -u "$REDIS_URL" --scan --pattern "$1"', "sh", pattern)
        :gmatch "[^\n]+"
    do
      count = count + 1
    end
    return count
  end

  local function fill(count)
    local prefixes = { ID .. ":session:", ID .. ":cache:", ID .. ":rate-limit:", NEIGHBOUR .. ":session:" }
    local fill_all = "for i = 1, tonumber(ARGV[1]) do "
      .. "for _, key in ipairs(KEYS) do redis.call('SET', key .. i, 'x') end end return 1"
    local script = ('FLUSHALL\nEVAL "%s" %d %s %d'):format(fill_all, #prefixes, table.concat(prefixes, " "), count)
    lab:out("sh", "-c", 'printf "%s\n" "$1" | redis-cli --no-auth-warning -u "$REDIS_URL"', "sh", script)
  end

  it("takes one part and leaves the others and the neighbour's alone", function()
    fill(300)
    cli("SET", ID .. ":session:with space and\nnewline", "x")
    ok(lab:o2x { "run", RUNBOOK, "urbanos", "part=session", CONFIRM })
    assert.equal(0, keys(ID .. ":session:*"))
    assert.equal(300, keys(ID .. ":cache:*"))
    assert.equal(300, keys(NEIGHBOUR .. ":*"))
    local again = json.decode(ok(lab:o2x { "run", RUNBOOK, "urbanos", "part=session", CONFIRM, "--json" }).stdout)
    assert.equal(0, again.totals.delete)
  end)

  it("takes what a pattern says, with or without the id in front", function()
    fill(30)
    ok(lab:o2x { "run", RUNBOOK, "urbanos", "pattern=cache:1*", CONFIRM })
    assert.equal(19, keys(ID .. ":cache:*"))
    ok(lab:o2x { "run", RUNBOOK, "urbanos", "pattern=" .. ID .. ":cache:2*", CONFIRM })
    assert.equal(8, keys(ID .. ":cache:*"))
    assert.equal(30, keys(ID .. ":session:*"))
  end)

  it("takes all", function()
    fill(2000)
    local result = ok(lab:o2x { "run", RUNBOOK, "urbanos", CONFIRM })
    assert.matches("6,000 keys removed: 2,000 of cache, 2,000 of rate%-limit, 2,000 of session", result.stderr)
    assert.equal(0, keys(ID .. ":*"))
    assert.equal(2000, keys(NEIGHBOUR .. ":*"))
  end)

  it("is counted by the plan, which removes nothing", function()
    fill(40)
    local plan = ok(lab:o2x { "plan", RUNBOOK, "urbanos" }).stdout
    assert.matches("120 keys in all", plan)
    assert.matches("40 keys of rate%-limit", plan)
    assert.matches("%-%-confirm=urbanos", plan)
    assert.equal("160", cli "DBSIZE")
  end)

  it("is finished after a kill at any of its arrows", function()
    for at = 1, 4 do
      fill(50)
      local killed = lab:o2x({ "run", RUNBOOK, "urbanos", CONFIRM }, { env = { O2X_KILL_AT = tostring(at) } })
      assert.equal(9, killed.signal)
      ok(lab:o2x { "resume" })
      assert.equal(0, keys(ID .. ":*"))
      assert.equal(50, keys(NEIGHBOUR .. ":*"))
    end
  end)

  it("refuses in one line what is wrong", function()
    fill(5)
    local function refused(expected, ...)
      local result = lab:o2x { "run", RUNBOOK, ... }
      assert.equal(3, result.code)
      assert.matches(expected, result.stderr)
      assert.is_nil(result.stderr:find "traceback")
    end
    refused("severe", "urbanos")
    refused("confirm=demo, but the run is for urbanos", "urbanos", "--confirm=demo")
    for _, pattern in ipairs { "*", "*}", "?x", "[st]*" } do
      refused("begins with a wildcard", "urbanos", "pattern=" .. pattern, CONFIRM)
    end
    refused("must not be empty", "urbanos", "pattern=", CONFIRM)
    refused("does not belong to urbanos", "urbanos", "pattern=TIDLT-100006:*", CONFIRM)
    refused("does not belong to urbanos", "urbanos", "pattern=TIDLT-*", CONFIRM)
    refused("not one of session, cache, rate%-limit", "urbanos", "part=sessions", CONFIRM)
    refused("both given", "urbanos", "part=session", "pattern=cache:*", CONFIRM)
    assert.equal("20", cli "DBSIZE")
    local stranger = lab:o2x { "run", RUNBOOK, "newclient", "--confirm=newclient" }
    assert.equal(1, stranger.code)
    assert.matches("not in the registry", stranger.stderr)
  end)
end)
