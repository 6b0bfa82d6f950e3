-- What an object of the cluster acts on, and what pods need.

local sorted_keys = require "o2x.base.sorted_keys"
local ties = require "o2x.effects.k8s.ties"

describe("ties of an object", function()
  local function of(kind, spec) return sorted_keys(ties.of { kind = kind, spec = spec }) end

  it("are the labels that it selects by, with their names and without", function()
    for kind, spec in pairs {
      Service = { selector = { tenant = "t" } },
      NetworkPolicy = { podSelector = { matchLabels = { tenant = "t" } } },
      PodDisruptionBudget = { selector = { matchLabels = { tenant = "t" } } },
      Deployment = { template = { metadata = { labels = { tenant = "t" } } } },
    } do
      assert.same({ "t", "tenant=t" }, of(kind, spec))
    end
    assert.same({}, of("NetworkPolicy", { podSelector = {} }))
  end)

  it("are the services that an ingress leads to, and what an autoscaler scales", function()
    local function backend(name) return { service = { name = name } } end
    local rules = { { host = "no paths" }, { http = { paths = { { backend = backend "a" } } } } }
    assert.same({ "a", "b" }, of("Ingress", { rules = rules, defaultBackend = backend "b" }))
    assert.same({ "c" }, of("HorizontalPodAutoscaler", { scaleTargetRef = { kind = "Deployment", name = "c" } }))
    assert.same({}, of("ConfigMap", nil))
  end)

  it("and pods need the maps and claims that they mount or read", function()
    local found = {}
    ties.add_needs(found, {
      spec = {
        template = {
          spec = {
            volumes = { { configMap = { name = "a" } }, { persistentVolumeClaim = { claimName = "b" } } },
            containers = {
              {
                envFrom = { { configMapRef = { name = "c" } }, { secretRef = { name = "not this" } } },
                env = { { name = "X", valueFrom = { configMapKeyRef = { name = "d", key = "k" } } } },
              },
            },
          },
        },
      },
    })
    assert.same({ "ConfigMap/a", "ConfigMap/c", "ConfigMap/d", "PersistentVolumeClaim/b" }, sorted_keys(found))
  end)
end)
