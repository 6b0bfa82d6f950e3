-- The checklist for people: what it prints is run as it stands, and o2x then finds nothing to do.

local by_hand = require "tests.support.by_hand"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

-- A plan of the same runbook, as data.
local function plan_of(lab, ...) return json.decode(ok(lab:o2x { "plan", "--json", ... }).stdout) end

-- What a plan still wants, as text.
local function left(plan)
  local list = {}
  for _, change in ipairs(plan.changes) do
    list[#list + 1] = ("%s %s: %s"):format(change.kind, change.target, table.concat(change.diff, "; "))
  end
  for _, problem in ipairs(plan.problems) do
    list[#list + 1] = problem.error.message
  end
  return table.concat(list, "\n")
end

describe("a runbook by hand", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  -- Follows a checklist, and looks at what o2x then wants.
  local function follow(...)
    local script = by_hand.print(lab, ...)
    by_hand.follow(lab, script)
    assert.equal("", left(plan_of(lab, ...)))
    return script
  end

  for _, tenant in ipairs { "newclient", "acme-sbx" } do
    it("onboards " .. tenant, function()
      local script = follow("onboard", tenant)
      local ticked = by_hand.print(lab, "onboard", tenant)
      local before, after = by_hand.boxes(script), by_hand.boxes(ticked)
      assert.is_true(before["[ ]"] > 70, "few boxes")
      assert.is_nil(script:match "\n# %[%?%] ensure", "an effect could not be looked at")
      assert.is_nil(ticked:match "\n# %[ %][^\n]*")
      print(
        ("%s: %d boxes to do, then %d done, %d need a login"):format(tenant, before["[ ]"], after["[x]"], after["[?]"])
      )
      ok(lab:o2x { "run", "smoke", tenant })
      local run = ok(lab:o2x { "run", "onboard", tenant, "--json" })
      local totals = json.decode(run.stdout).totals
      assert.same({ 0, 0, 0 }, { totals.create, totals.change, totals.delete })
    end)
  end

  -- runbook and parameters, for the tenant that is there now
  local CASES <const> = {
    { "deploy", "image=v3.0.0", "services=service-usage,service-billing" },
    { "scale", "service=service-usage", "replicas=3" },
    { "cache-clear" },
    { "maintenance", "mode=off" },
  }

  for _, words in ipairs(CASES) do
    it("does " .. table.concat(words, " "), function()
      local runbook = words[1]
      lab:out("redis-cli", "-u", lab.env.REDIS_URL, "set", "TIDLT-100008:cache:it's", "x")
      if runbook == "maintenance" then
        by_hand.follow(lab, by_hand.print(lab, "maintenance", "newclient", "mode=on"))
        assert.equal(
          "0",
          lab:out("kubectl", "get", "deploy", "newclient-service-sso", "-o", "jsonpath={.spec.replicas}")
        )
      end
      follow(runbook, "newclient", table.unpack(words, 2))
    end)
  end

  it("dumps the database, and brings it back", function()
    local archive = fs.join(lab.dir, "by-hand.dump")
    local function flags() return lab:sql("coredb-newclient", "select count(*) from core_config.feature_flags") end
    by_hand.follow(lab, by_hand.print(lab, "backup", "newclient", "to=" .. archive))
    local count = flags()
    lab:sql("coredb-newclient", "delete from core_config.feature_flags")
    by_hand.follow(
      lab,
      by_hand.print(lab, "restore", "newclient", "archive=" .. archive, "table=core_config.feature_flags")
    )
    assert.equal(count, flags())
  end)
end)
