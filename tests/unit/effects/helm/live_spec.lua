-- What drift is, is in tests/unit/client/k8s/drift_spec.lua; with the real helm, in tests/servers/effects/helm. Here is
-- what a cluster may do that the lab does not.
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local live = require "o2x.effects.helm.live"
local raised = require "tests.support.raised"
local yaml = require "o2x.base.yaml"

local DEPLOYMENT <const> = [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {app.kubernetes.io/managed-by: chart}, annotations: {meta.helm.sh/release-name: x}}
spec: {replicas: 2, template: {spec: {containers: [{name: c, image: "i:1"}]}}}
]]

local MONITOR <const> = [[
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: a}
spec: {endpoints: [{port: metrics}]}
]]

local function merge(object, patch)
  local out = {}
  for name, item in pairs(object) do
    out[name] = item
  end
  for name, item in pairs(patch) do
    local both = type(item) == "table" and type(out[name]) == "table" and not json.is_array(item)
    if item == json.null then item = nil end
    out[name] = both and merge(out[name], item) or item
  end
  return out
end

-- A cluster with objects by kind/name. `patches` and `created` have what was sent; `on_patch` may refuse or alter it.
local function cluster(objects, o)
  o = o or {}
  local k8s = { namespace = "prod", objects = {}, patches = {}, created = {}, asked = {} }
  for _, object in ipairs(objects) do
    object.metadata.namespace = "prod"
    k8s.objects[object.kind .. "/" .. object.metadata.name] = object
  end
  k8s.grants = { allows = function(_, _, _, name) return name ~= "others" end }
  function k8s:kinds()
    return { find = function(_, kind) return not o.no_autoscaling and kind end }
  end
  function k8s:resource(object)
    return { kind = object.kind, api_version = object.apiVersion, group = "", namespaced = true, plural = "x" }
  end
  function k8s:fetch(references)
    local found = {}
    for i, one in ipairs(references) do
      found[i] = self.objects[one.resource.kind .. "/" .. one.name] or false
    end
    return found
  end
  function k8s:forget()
    if o.on_forget then o.on_forget(self) end
  end
  function k8s:get(kind, name)
    self.asked[#self.asked + 1] = kind
    return self.objects[kind .. "/" .. name]
  end
  function k8s:list(kind)
    self.asked[#self.asked + 1] = kind
    return o.scalers or {}
  end
  function k8s:create(object, marks)
    self.created[#self.created + 1] = { object = object, marks = marks }
    self.objects[object.kind .. "/" .. object.metadata.name] = object
  end
  function k8s:patch(kind, name, patch)
    self.patches[#self.patches + 1] = patch
    if o.on_patch then patch = o.on_patch(patch, #self.patches, self) end
    local key = kind.kind .. "/" .. name
    self.objects[key] = merge(self.objects[key], patch)
  end
  local warnings = {}
  local ctx = {
    client = function() return k8s end,
    retry = function(_, fn, ...) return fn(...) end,
    waiting = function() end,
    log = function(_, _, text) warnings[#warnings + 1] = text end,
  }
  return ctx, k8s, warnings
end

local function deployment(change)
  local object = yaml.decode(DEPLOYMENT)
  object.metadata.resourceVersion = "1"
  if change then change(object) end
  return object
end

local function scaled(object) object.spec.replicas = 4 end

local function places(ctx, ...)
  local objects = {}
  for i, text in ipairs { ... } do
    objects[i] = yaml.decode(text)
  end
  return live.places(live.drift(ctx, objects, "prod"))
end

describe("drift of a release", function()
  it("is not what helm writes otherwise than the chart", function()
    assert.same(
      {},
      places(
        cluster {
          deployment(function(object)
            object.metadata.labels, object.metadata.annotations = nil, nil
          end),
        },
        DEPLOYMENT
      )
    )
  end)

  it("is what is missing and what is edited", function()
    assert.same({ "Deployment a: missing in the cluster" }, places(cluster {}, DEPLOYMENT))
    assert.same({ "Deployment a: spec.replicas" }, places(cluster { deployment(scaled) }, DEPLOYMENT))
  end)

  it(
    "is not looked for in what the run may not read",
    function() assert.same({}, places(cluster {}, (DEPLOYMENT:gsub("name: a,", "name: others,")))) end
  )

  local JOB <const> = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {ttlSecondsAfterFinished: %s}\n"
  it("is not a Job that has removed itself", function()
    assert.same({}, places(cluster {}, JOB:format "60"))
    assert.same({ "Job a: missing in the cluster" }, places(cluster {}, JOB:format "null"))
  end)

  local function scaler(kind, name)
    return { metadata = { name = "h" }, spec = { scaleTargetRef = { kind = kind, name = name }, maxReplicas = 5 } }
  end

  it("is not replicas that an autoscaler sets, however it is found", function()
    local by_manager = deployment(function(object)
      scaled(object)
      object.metadata.managedFields = { { manager = "kube-controller-manager", subresource = "scale" } }
    end)
    assert.same({}, places(cluster({ by_manager }), DEPLOYMENT))
    assert.same({}, places(cluster({ deployment(scaled) }, { scalers = { scaler("Deployment", "a") } }), DEPLOYMENT))
    local unlabelled = scaler("Deployment", "a")
    unlabelled.kind, unlabelled.metadata.name = "HorizontalPodAutoscaler", "a"
    assert.same({}, places(cluster { deployment(scaled), unlabelled }, DEPLOYMENT))
  end)

  it("is replicas that the autoscaler of another workload would set", function()
    for _, o in ipairs {
      { scalers = { scaler("StatefulSet", "a"), scaler("Deployment", "b") } },
      { no_autoscaling = true },
    } do
      assert.same({ "Deployment a: spec.replicas" }, places(cluster({ deployment(scaled) }, o), DEPLOYMENT))
    end
  end)

  it("asks for autoscalers only where replicas differ", function()
    local ctx, k8s = cluster { deployment() }
    assert.same({}, places(ctx, DEPLOYMENT))
    assert.same({}, k8s.asked)
  end)
end)

describe("mending", function()
  local function mend(ctx, text) live.mend(ctx, "rel", "prod", { yaml.decode(text) }) end

  it("creates what is missing with helm's marks", function()
    local ctx, k8s = cluster {}
    mend(ctx, MONITOR)
    assert.equal("prod", k8s.created[1].object.metadata.namespace)
    assert.same({
      labels = { ["app.kubernetes.io/managed-by"] = "Helm" },
      annotations = { ["meta.helm.sh/release-name"] = "rel", ["meta.helm.sh/release-namespace"] = "prod" },
    }, k8s.created[1].marks)
  end)

  it("waits for what is being deleted, and makes it anew", function()
    local leaving = deployment(function(object) object.metadata.deletionTimestamp = "2026-02-10T12:00:00Z" end)
    local looks = 0
    local ctx, k8s = cluster({ leaving }, {
      on_forget = function(k8s)
        looks = looks + 1
        if looks == 2 then k8s.objects["Deployment/a"] = nil end
      end,
    })
    assert.same({ "Deployment a: being deleted in the cluster" }, places(ctx, DEPLOYMENT))
    mend(ctx, DEPLOYMENT)
    assert.equal(1, #k8s.created)
    assert.same({}, places(ctx, DEPLOYMENT))
  end)

  it("says that somebody else deletes what was made", function()
    local ctx, k8s = cluster {}
    function k8s:create() end
    local e = raised(mend, ctx, DEPLOYMENT)
    assert.equal("conflict", e.kind)
    assert.matches("Deployment a was made and deleted again", e.message)
  end)

  it("changes custom resources back, which helm does not", function()
    local edited = yaml.decode(MONITOR)
    edited.spec.endpoints[1].port = "other"
    local ctx, k8s = cluster { edited }
    mend(ctx, MONITOR)
    assert.equal("metrics", k8s.objects["ServiceMonitor/a"].spec.endpoints[1].port)
  end)

  it("is bound to the version that was read, and reads again if it is outdated", function()
    local ctx, k8s = cluster({ deployment(scaled) }, {
      on_patch = function(patch, n, k8s)
        if n > 1 then return patch end
        k8s.objects["Deployment/a"] = deployment(function(object)
          scaled(object)
          object.metadata.resourceVersion = "2"
        end)
        errors.raise { kind = "conflict", module = "k8s", message = "outdated", code = 409 }
      end,
    })
    mend(ctx, DEPLOYMENT)
    assert.same({ "1", "2" }, { k8s.patches[1].metadata.resourceVersion, k8s.patches[2].metadata.resourceVersion })
    assert.equal(2, k8s.objects["Deployment/a"].spec.replicas)
  end)

  it("warns of what the cluster keeps, and does not fail for it", function()
    local ctx, _, warnings = cluster({ deployment(scaled) }, { on_patch = function() return {} end })
    mend(ctx, DEPLOYMENT)
    assert.same({ "Deployment a: the cluster keeps its own value: spec.replicas" }, warnings)
    assert.same({}, places(ctx, DEPLOYMENT))
  end)

  it("says how to go on where a field cannot be changed back", function()
    local ctx = cluster({ deployment(scaled) }, {
      on_patch = function()
        errors.raise { kind = "failed", module = "k8s", message = "Deployment a is invalid: immutable", code = 422 }
      end,
    })
    local e = raised(mend, ctx, DEPLOYMENT)
    assert.equal(
      "Deployment a was edited in the cluster and cannot be changed back: Deployment a is invalid: immutable",
      e.message
    )
    assert.matches("^kubectl delete deployment a %-n prod removes it", e.hint)
  end)
end)
