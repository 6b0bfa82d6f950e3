-- Deploy and rollback of one tenant, looked at with helm and kubectl.

local emergency = require "tests.support.emergency"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local BOTH = "services=service-billing,tax-gateway"

describe("deploy and rollback", function()
  local lab, e
  setup(function()
    lab = labs.start()
    e = emergency.new(lab)
  end)
  teardown(function() lab:stop() end)

  it("plans without writing", function()
    local before = lab:snapshot "coredb-urbanos"
    local plan = e:plan("deploy", "image=v2.5.9", BOTH)
    assert.same({ create = 0, change = 4, delete = 0, unchanged = 0 }, plan.totals)
    assert.equal("o2x run runbooks/deploy.lua urbanos image=v2.5.9 " .. BOTH .. " --confirm=urbanos", plan.next)
    assert.equal(before, lab:snapshot "coredb-urbanos")
  end)

  it(
    "deploys: the values file gets the tag and keeps the rest, the release follows, the neighbour service stays",
    function()
      local _, old = e:file "service-billing"
      local result = e:run("deploy", "image=v2.5.9", "services=service-billing")
      assert.same(
        { { service = "service-billing", was = "v2.5.0", image = "v2.5.9", state = "deployed" } },
        result.result
      )
      assert.equal("v2.5.9", e:tag "service-billing")
      assert.equal("2 deployed", e:revision "service-billing")
      local _, new = e:file "service-billing"
      assert.equal(old:gsub("tag: v2%.5%.0", "tag: v2.5.9"), new)
      e:run("deploy", "image=v2.6.0", BOTH)
      assert.equal("3 deployed", e:revision "service-billing")
      assert.equal("2 deployed", e:revision "tax-gateway")
      assert.equal("1 deployed", e:revision "service-proxy")
      assert.equal(0, e:run("deploy", "image=v2.6.0", BOTH).totals.change)
    end
  )

  it("goes back: each release to its own revision, the values files with them", function()
    local plan = e:plan("rollback", BOTH)
    assert.equal(4, plan.totals.change)
    assert.matches(
      "image: embrix/service%-billing:v2%.6%.0 → embrix/service%-billing:v2%.5%.9",
      table.concat(plan.changes[1].diff, "\n")
    )
    e:run("rollback", BOTH)
    assert.equal("v2.5.9", e:tag "service-billing")
    assert.equal("v2.5.0", e:tag "tax-gateway")
    assert.equal("v2.5.9", (e:file "service-billing"))
    assert.equal("v2.5.0", (e:file "tax-gateway"))
    e:run("rollback", "services=service-billing") -- further back, not forth
    assert.equal("v2.5.0", e:tag "service-billing")
  end)

  it("goes to a revision, to a time, and to what was there before a run", function()
    e:run("rollback", "services=service-billing", "to=3")
    assert.equal("v2.6.0", e:tag "service-billing")
    local run = e:run("deploy", "image=v2.6.1", BOTH).run
    local history = json.decode(lab:out("helm", "history", "urbanos-service-billing", "-o", "json"))
    e:run("rollback", BOTH, "to=" .. run)
    assert.equal("v2.6.0", e:tag "service-billing")
    assert.equal("v2.5.0", e:tag "tax-gateway")
    e:run("rollback", "services=service-billing", "to=" .. history[2].updated)
    assert.equal("v2.5.9", e:tag "service-billing")
    e:run("rollback", "services=service-billing", "to=1")
    assert.equal("v2.5.0", e:tag "service-billing")
  end)

  it("takes everything back when one service does not become healthy", function()
    local before = { e:tag "service-billing", e:tag "tax-gateway" }
    local _, file = e:file "tax-gateway"
    local result = e:try("deploy", "image=v9-broken", BOTH, "timeout=2s")
    assert.equal(1, result.code)
    assert.matches("tax%-gateway: Deployment urbanos%-tax%-gateway is not ready", result.stderr)
    assert.matches("is back on its own revision", result.stderr)
    assert.matches("start again: .*run deploy urbanos services=%S+ image=v9%-broken %-%-confirm=urbanos", result.stderr)
    assert.same(before, { e:tag "service-billing", e:tag "tax-gateway" })
    local _, now = e:file "tax-gateway"
    assert.equal(file, now)
    assert.equal("deployed", e:revision("tax-gateway"):match("%a+$"))
  end)

  it("leaves pinned services alone, and says so", function()
    local fs = require "o2x.base.fs"
    local path = fs.join(lab.platform, "tenants/urbanos.yaml")
    local text = fs.read(path)
    fs.write(path, text .. "pins:\n  tax-gateway: v2.5.0\n")
    local result = e:run("deploy", "image=v2.7.0", BOTH)
    fs.write(path, text)
    assert.same({ service = "tax-gateway", was = "v2.5.0", image = "v2.5.0", state = "pinned" }, result.result[2])
    assert.equal("v2.5.0", e:tag "tax-gateway")
    assert.equal("v2.7.0", e:tag "service-billing")
  end)

  it("is killed at every third arrow and resumed: the same end", function()
    assert.is_true(e:killed(3, "deploy", "image=v2.8.0", BOTH) >= 3)
    assert.equal("v2.8.0", e:tag "service-billing")
    assert.equal("v2.8.0", e:tag "tax-gateway")
    assert.equal("v2.8.0", (e:file "tax-gateway"))
    assert.is_true(e:killed(3, "rollback", BOTH) >= 3)
    assert.equal("v2.7.0", e:tag "service-billing")
    assert.equal("v2.5.0", e:tag "tax-gateway")
    assert.equal("v2.7.0", (e:file "service-billing"))
  end)

  it("puts back a service that fails on the old revision, too", function()
    e:run("deploy", "image=v2.8.1", "services=service-invoice")
    lab:o2x { "lab", "fault", "k8s", "crash-pods", "match=urbanos-service-invoice" }
    local result = e:try("rollback", "services=service-invoice", "timeout=2s")
    lab:o2x { "lab", "fault", "k8s", "off" }
    assert.equal(1, result.code)
    assert.matches("service%-invoice also fails on revision 1 and was returned to 2", result.stderr)
    assert.equal("v2.8.1", e:tag "service-invoice")
    assert.equal("v2.8.1", (e:file "service-invoice"))
  end)

  it("repairs releases that a helm left pending or failed", function()
    lab:o2x { "lab", "fault", "k8s", "helm-dies", "match=urbanos-service-usage" }
    lab:run {
      "helm",
      "upgrade",
      "urbanos-service-usage",
      lab.platform .. "/core/charts/service-usage",
      "--reuse-values",
      "--set",
      "image.tag=v3",
    }
    lab:o2x { "lab", "fault", "k8s", "helm-fails", "match=urbanos-service-revenue" }
    lab:run {
      "helm",
      "upgrade",
      "urbanos-service-revenue",
      lab.platform .. "/core/charts/service-revenue",
      "--reuse-values",
      "--set",
      "image.tag=v3",
    }
    assert.equal("2 pending-upgrade", e:revision "service-usage")
    assert.equal("2 failed", e:revision "service-revenue")
    e:run("rollback", "services=service-usage,service-revenue")
    assert.equal("3 deployed", e:revision "service-usage")
    assert.equal("3 deployed", e:revision "service-revenue")
    assert.equal("v2.5.0", e:tag "service-usage")
  end)

  it("refuses bad input by one line each", function()
    e:refused('there is no "nosuch"', "rollback", "services=nosuch")
    e:refused("did you mean service%-billing", "deploy", "services=billing", "image=v1")
    e:refused("has no revision 99", "rollback", "services=service-billing", "to=99")
    e:refused("a revision belongs to one release", "rollback", "to=1")
    e:refused("is not a revision, a run or a time", "rollback", "to=yesterday")
    e:refused("has no earlier revision", "rollback", "services=service-proxy")
    e:refused("chart=9.9.9, but", "deploy", "chart=9.9.9")
    assert.equal(3, e:try("rollback", "to=R-20200101-000000-0000").code)
    assert.equal(3, lab:o2x({ "run", "rollback", "urbanos" }).code)
    assert.equal(3, lab:o2x({ "run", "deploy", "urbanos", "image=a b", "--confirm=urbanos" }).code)
  end)
end)
