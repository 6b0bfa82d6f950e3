-- What somebody did to a tenant's releases by hand: a plan shows it, a run mends it, diagnose names the run that does.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

-- What is done with kubectl, and what the plan says.
local BY_HAND <const> = {
  {
    { "delete", "deployment", "urbanos-service-sso" },
    "+ Deployment default/urbanos-service-sso (missing in the cluster)",
  },
  {
    { "delete", "service", "urbanos-service-usage" },
    "+ Service default/urbanos-service-usage (missing in the cluster)",
  },
  {
    { "set", "image", "deployment/urbanos-service-billing", "*=by-hand:1" },
    "containers.service-billing.image: by-hand:1 → ",
  },
  {
    { "set", "env", "deployment/urbanos-service-payment", "MORE=1" },
    "- spec.template.spec.containers.service-payment.env",
  },
  { { "scale", "deployment/urbanos-service-invoice", "--replicas=0" }, "spec.replicas: 0 → 2" },
  {
    { "patch", "service", "urbanos-tax-gateway", "--type=merge", "-p", '{"spec":{"selector":{"app":"none"}}}' },
    "spec.selector.app: none → urbanos-tax-gateway",
  },
}

describe("drift of a tenant's releases", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function kubectl(...) return lab:out("kubectl", ...) end

  -- What of the objects comes from the charts.
  local function state()
    local found = {}
    for _, kind in ipairs { "deployments", "services" } do
      for _, object in ipairs(json.decode(kubectl("get", kind, "-l", "tenant=urbanos", "-o", "json")).items) do
        local spec = object.spec
        found[kind .. "/" .. object.metadata.name] = {
          object.metadata.labels,
          spec.replicas or "",
          spec.selector,
          spec.template and spec.template.spec.containers or spec.ports,
        }
      end
    end
    return found
  end

  local function by_hand()
    for _, case in ipairs(BY_HAND) do
      kubectl(table.unpack(case[1]))
    end
  end

  local function plan(...) return lab:o2x({ "plan", "deploy", "urbanos", ... }).stdout end
  local function deploy(env) return lab:o2x({ "run", "deploy", "urbanos", "--confirm=urbanos" }, { env = env }) end

  it("is shown by a plan and mended by deploy, without a new revision", function()
    local whole, revisions = state(), lab:out("helm", "list", "-o", "json")
    by_hand()
    local shown = plan()
    for _, case in ipairs(BY_HAND) do
      assert.is_truthy(shown:find(case[2], 1, true), case[2] .. "\n" .. shown)
    end
    assert.is_truthy(shown:find("0 to create, 6 to change, 0 to delete", 1, true), shown)
    local done = deploy()
    assert.equal(0, done.code, done.stderr)
    assert.same(whole, state())
    assert.equal(revisions, lab:out("helm", "list", "-o", "json"))
    assert.is_truthy(plan():find("Nothing to do", 1, true))
  end)

  it("is mended by a run that is killed and resumed, at each of its kill points", function()
    local whole, points = state(), 0
    repeat
      kubectl("delete", "service", "urbanos-service-usage")
      kubectl("set", "env", "deployment/urbanos-service-usage", "MORE=1")
      points = points + 1
      local killed = deploy { O2X_KILL_AT = tostring(points) }
      if killed.code ~= 0 then
        local id = killed.stderr:match "R%-%d+%-%d+%-%x+" or killed.stdout:match "R%-%d+%-%d+%-%x+"
        local resumed = lab:o2x { "resume", id }
        assert.equal(0, resumed.code, resumed.stderr)
      end
      assert.same(whole, state(), "killed at " .. points)
    until killed.code == 0
    assert.is_true(points > 2, tostring(points))
  end)

  it("of a deployment is found by diagnose, whose remedy ends the finding", function()
    kubectl("delete", "deployment", "urbanos-service-sso")
    local function finding() return lab:o2x({ "run", "diagnose", "urbanos" }).stdout end
    local said = finding()
    assert.is_truthy(said:find("no deployment urbanos-service-sso", 1, true), said)
    assert.equal(0, deploy().code)
    assert.is_nil(finding():find("service-sso", 1, true))
  end)
end)
