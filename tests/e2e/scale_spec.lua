-- Scaling of one tenant, looked at with kubectl.

local emergency = require "tests.support.emergency"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

describe("scale", function()
  local lab, e
  setup(function()
    lab = labs.start()
    e = emergency.new(lab)
  end)
  teardown(function() lab:stop() end)

  it("scales within bounds, and writes the values file when that is asked for", function()
    local _, old, path = e:file "service-billing"
    e:run("scale", "service=service-billing,tax-gateway", "replicas=3")
    assert.matches("urbanos%-service%-billing=3", e:replicas())
    assert.matches("urbanos%-tax%-gateway=3", e:replicas())
    assert.equal(old, fs.read(path))
    e:run("scale", "service=service-billing", "replicas=3", "permanent=true")
    assert.equal(old:gsub("replicaCount: 2", "replicaCount: 3"), fs.read(path))
    local rows = e:run("scale", "status=true", "service=service-billing,service-usage").result
    assert.same({ service = "service-billing", replicas = 3, ready = 3, range = "2–3", values_file = 3 }, rows[1])
    assert.equal("2–4", rows[2].autoscaler)
    local before = lab:snapshot "coredb-urbanos"
    assert.equal(1, e:plan("scale", "service=service-billing", "replicas=2").totals.change)
    assert.equal(before, lab:snapshot "coredb-urbanos")
    assert.is_true(e:killed(2, "scale", "service=service-billing,service-invoice", "replicas=2") >= 2)
    assert.matches("urbanos%-service%-billing=2", e:replicas())
    assert.equal(1, e:run("scale", "service=service-billing", "replicas=3").totals.change)
  end)

  it("is beside what else one types at night: restart and logs", function()
    local function pods() return lab:names("pods", "-l", "app=urbanos-service-sso") end
    local before = pods()
    assert.equal(2, e:plan("restart", "services=service-sso,tax-gateway").totals.change)
    assert.equal(before, pods())
    local done = lab:o2x { "restart", "urbanos", "services=service-sso" }
    assert.equal(0, done.code, done.stderr)
    local after = pods()
    for name in before:gmatch "%S+" do
      assert.is_nil(after:find(name, 1, true))
    end
    assert.equal(select(2, before:gsub("\n", "")), select(2, after:gsub("\n", "")))
    local shown = lab:o2x { "logs", "urbanos", "services=service-sso", "match=started urbanos", "-q" }
    assert.equal(0, shown.code, shown.stderr)
    for name in after:gmatch "pod/(%S+)" do
      assert.matches("==> " .. name:gsub("%p", "%%%0") .. " <==\n[^\n]*Started urbanos%-service%-sso", shown.stdout)
    end
  end)

  it("refuses what the catalogue or an autoscaler forbids, unless forced", function()
    e:refused(
      "service%-billing runs with 2 to 3 replicas, not with 40",
      "scale",
      "service=service-billing",
      "replicas=40"
    )
    e:refused("not with 0", "scale", "service=service-billing", "replicas=0")
    e:refused("must be 0 or more", "scale", "service=service-billing", "replicas=-1")
    e:refused('there is no "nosuch"', "scale", "service=nosuch", "replicas=2")
    e:refused(
      "has an autoscaler %(urbanos%-service%-usage, 2–4 replicas%)",
      "scale",
      "service=service-usage",
      "replicas=3"
    )
    e:refused("parameter replicas", "scale", "service=service-billing")
    assert.equal(3, e:try("scale", "service=service-billing", "replicas=many").code)
    e:run("scale", "service=service-usage", "replicas=3", "force=true")
    assert.matches("urbanos%-service%-usage=3", e:replicas())
  end)
end)
