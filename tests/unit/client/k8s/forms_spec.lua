local forms = require "o2x.client.k8s.forms"
local json = require "o2x.base.json"

local POD <const>, DEPLOYMENT <const> = { group = "", kind = "Pod" }, { group = "apps", kind = "Deployment" }
local SCALER <const> = { group = "autoscaling", kind = "HorizontalPodAutoscaler" }
local METRICS <const> = { group = "metrics.k8s.io", kind = "PodMetrics" }
local SERVICE <const> = { group = "", kind = "Service" }
local OTHER <const> = { group = "example.com", kind = "Thing" }

-- kind, object, the field that is wrong
local WRONG <const> = {
  { POD, "[1]", "a map" },
  { POD, '{"metadata":7}', "metadata" },
  { POD, '{"metadata":{"labels":["a"]}}', "metadata.labels" },
  { POD, '{"status":"x"}', "status" },
  { POD, '{"status":[1]}', "status" },
  { POD, '{"status":{"phase":7}}', "status.phase" },
  { POD, '{"status":{"conditions":"x"}}', "status.conditions" },
  { POD, '{"status":{"conditions":[7]}}', "status.conditions[1]" },
  { POD, '{"status":{"conditions":[{"type":{}}]}}', "status.conditions[1].type" },
  { POD, '{"status":{"containerStatuses":{"a":1}}}', "status.containerStatuses" },
  { POD, '{"status":{"containerStatuses":[{}]}}', "status.containerStatuses[1].restartCount" },
  { POD, '{"status":{"containerStatuses":[{"restartCount":1,"state":"x"}]}}', "status.containerStatuses[1].state" },
  { DEPLOYMENT, "{}", "spec" },
  { DEPLOYMENT, '{"spec":{"template":{}}}', "spec.template.spec" },
  { DEPLOYMENT, '{"spec":{"template":7}}', "spec.template" },
  { DEPLOYMENT, '{"spec":{"template":{"spec":{"containers":[1]}}}}', "spec.template.spec.containers[1]" },
  { DEPLOYMENT, '{"spec":{"replicas":"2","template":{"spec":{"containers":[]}}}}', "spec.replicas" },
  { DEPLOYMENT, '{"spec":{"template":{"spec":{"containers":[]}}},"status":7}', "status" },
  { SCALER, '{"spec":{"maxReplicas":1}}', "spec.scaleTargetRef" },
  { SCALER, '{"spec":{"maxReplicas":"x","scaleTargetRef":{"name":"a"}}}', "spec.maxReplicas" },
  { METRICS, '{"containers":[{"name":"a","usage":7}]}', "containers[1].usage" },
  { METRICS, '{"containers":[{"name":"a","usage":{"cpu":7}}]}', "containers[1].usage.cpu" },
  { SERVICE, '{"status":{"loadBalancer":{"ingress":[7]}}}', "status.loadBalancer.ingress[1]" },
  { OTHER, '{"metadata":{"annotations":7}}', "metadata.annotations" },
}

describe("the forms of kinds", function()
  for _, case in ipairs(WRONG) do
    it(("name the field of a %s that is wrong: %s"):format(case[1].kind, case[2]), function()
      local ok, e = pcall(forms.check, case[1], json.decode(case[2]), "the answer")
      assert.is_false(ok)
      assert.equal("failed", e.kind)
      assert.truthy(tostring(e):find(case[3], 1, true), tostring(e))
      assert.is_nil(tostring(e):find "\n")
    end)
  end

  it("take what a server gives, and know no others", function()
    local pod = { metadata = { name = "a" } }
    assert.same({ metadata = { name = "a" }, status = {} }, forms.check(POD, pod, "Pod a"))
    local deployment = forms.check(DEPLOYMENT, { spec = {} }, "Deployment a")
    assert.same({ metadata = {}, spec = { template = { spec = { containers = {} } } }, status = {} }, deployment)
    local thing = { metadata = { name = "a" }, status = "any" }
    assert.equal(thing, forms.check(OTHER, thing, "Thing a"))
  end)
end)
