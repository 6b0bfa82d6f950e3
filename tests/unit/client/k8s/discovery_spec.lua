local discovery = require "o2x.client.k8s.discovery"

local DEPLOYMENT <const> = {
  resource = "deployments",
  responseKind = { kind = "Deployment" },
  singularResource = "deployment",
  scope = "Namespaced",
  shortNames = { "deploy" },
}
local MONITOR <const> = {
  resource = "servicemonitors",
  responseKind = { kind = "ServiceMonitor" },
  singularResource = "servicemonitor",
  scope = "Namespaced",
}
local NODE <const> =
  { resource = "nodes", responseKind = { kind = "Node" }, singularResource = "node", scope = "Cluster" }

local function group(name, version, ...)
  return { metadata = { name = name }, versions = { { version = version, resources = { ... } } } }
end

local AGGREGATED <const> = {
  ["/api"] = { kind = "APIGroupDiscoveryList", items = { group("", "v1", NODE) } },
  ["/apis"] = {
    kind = "APIGroupDiscoveryList",
    items = { group("apps", "v1", DEPLOYMENT), group("monitoring.coreos.com", "v1", MONITOR) },
  },
}

local LEGACY <const> = {
  ["/api"] = { versions = { "v1" } },
  ["/api/v1"] = {
    resources = {
      { name = "nodes", kind = "Node", singularName = "", namespaced = false },
      { name = "nodes/status", kind = "Node", singularName = "", namespaced = false },
    },
  },
  ["/apis"] = { groups = { { name = "apps", versions = { { version = "v1" } } } } },
  ["/apis/apps/v1"] = {
    resources = {
      {
        name = "deployments",
        kind = "Deployment",
        singularName = "deployment",
        namespaced = true,
        shortNames = { "deploy" },
      },
    },
  },
}

local function load(answers)
  return discovery.load(function(path) return answers[path] end)
end

describe("the kinds of a cluster", function()
  for name, answers in pairs { ["the aggregated form"] = AGGREGATED, ["the older lists"] = LEGACY } do
    it("are found by each of their names in " .. name, function()
      local kinds = load(answers)
      for _, word in ipairs { "Deployment", "deployments", "deploy", "deployments.apps" } do
        local found = kinds:find(word)
        assert.equal("apps/v1", found.api_version, word)
        assert.equal("/apis/apps/v1", found.base)
        assert.is_true(found.namespaced)
      end
      assert.equal("/api/v1", kinds:find("node").base)
      assert.is_false(kinds:find("Node").namespaced)
    end)
  end

  it("are found in exactly a version", function()
    local kinds = load(AGGREGATED)
    assert.equal("deployments", kinds:find("Deployment", "apps/v1").plural)
    assert.is_nil(kinds:find("Deployment", "apps/v1beta1"))
  end)

  it("that are needed and not there are an error with a way on", function()
    local ok, err = pcall(load(AGGREGATED).need, load(AGGREGATED), "Certificate", "cert-manager.io/v1")
    assert.is_false(ok)
    assert.equal("failed", err.kind)
    assert.matches("Certificate in cert%-manager.io/v1", err.message)
    assert.matches("kubectl api%-resources", err.hint)
  end)

  it("are listed as helm lists those of a cluster", function()
    local list = table.concat(load(AGGREGATED):api_versions(), " ")
    for _, one in ipairs {
      "v1",
      "v1/Node",
      "apps/v1",
      "apps/v1/Deployment",
      "monitoring.coreos.com/v1",
      "monitoring.coreos.com/v1/ServiceMonitor",
    } do
      assert.is_truthy((" " .. list .. " "):find(" " .. one .. " ", 1, true), one .. " is not in " .. list)
    end
  end)
end)
