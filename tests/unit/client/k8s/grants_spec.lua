local errors = require "o2x.base.error"
local grants = require "o2x.client.k8s.grants"

local POD = { kind = "Pod", plural = "pods", namespaced = true }
local DEPLOYMENT = { kind = "Deployment", plural = "deployments", group = "apps", namespaced = true }
local SECRET = { kind = "Secret", plural = "secrets", group = "", namespaced = true }
local ROLE_BINDING =
  { kind = "RoleBinding", plural = "rolebindings", group = "rbac.authorization.k8s.io", namespaced = true }
local NODE = { kind = "Node", plural = "nodes", namespaced = false }

local SPEC = {
  namespace = "default",
  namespaces = { "default", "monitoring" },
  names = { "newclient-service-sso", "newclient-ingress" },
  label = { "tenant", "newclient" },
  shared = { "pg-secret" },
  read = { "ingress-nginx/ingress-nginx-controller" },
}

local function refused(kind, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.is(e), tostring(e))
  assert.equal(kind, e.kind)
end

describe("grants of a run", function()
  local g

  before_each(function() g = grants.new(SPEC) end)

  local function object(...) return g.object, g, ... end

  it("let the tenant's exact names through", function()
    g:object(DEPLOYMENT, "default", "newclient-service-sso", false)
    g:object(DEPLOYMENT, "monitoring", "newclient-ingress", false)
    g:object(SECRET, "default", "pg-secret", true)
    g:object(DEPLOYMENT, "ingress-nginx", "ingress-nginx-controller", true)
  end)

  it("refuse all others", function()
    refused("refused", object(DEPLOYMENT, "default", "newclient-sbx-service-sso", false))
    refused("refused", object(DEPLOYMENT, "default", "newclient-service-sso2", false))
    refused("refused", object(DEPLOYMENT, "default", "newclient", false))
    refused("refused", object(DEPLOYMENT, "kube-system", "newclient-service-sso", false))
    refused("refused", object(DEPLOYMENT, "monitoring", "pg-secret", false))
    refused("refused", object(DEPLOYMENT, "ingress-nginx", "ingress-nginx-controller", false))
    refused("refused", object(NODE, nil, "newclient-service-sso", true))
  end)

  it("refuse names that would change the path", function()
    for _, name in ipairs { "../pods/x", "a/b", "a?b", "a%2fb", "", "a b", "a\0b", ".hidden" } do
      refused("input", object(DEPLOYMENT, "default", name, true))
      refused("input", object(DEPLOYMENT, name, "newclient-ingress", true))
    end
  end)

  it("add the tenant's label to every list", function()
    assert.equal("tenant=newclient", g:selector(POD, "default"))
    assert.equal("tenant=newclient,app=urbanos-service-sso", g:selector(POD, "default", "app=urbanos-service-sso"))
    assert.equal(
      "tenant=newclient,app!=newclient-service-sso",
      g:selector(POD, "default", "app!=newclient-service-sso")
    )
    assert.equal(
      "tenant=newclient,app in (newclient-service-sso,urbanos)",
      g:selector(POD, "default", "app in (newclient-service-sso,urbanos)")
    )
  end)

  it("but not where a granted name ties the list already", function()
    assert.equal("app=newclient-service-sso", g:selector(POD, "default", "app=newclient-service-sso"))
    assert.equal("x=y,app==newclient-service-sso", g:selector(POD, "default", "x=y,app==newclient-service-sso"))
  end)

  it("refuse lists elsewhere", function()
    refused("refused", g.selector, g, POD, "kube-system")
    refused("refused", g.selector, g, NODE, nil)
  end)

  it("let through what the server listed as the tenant's", function()
    refused("refused", object(POD, "default", "newclient-service-sso-abc", true))
    g:admit(POD, "default", "newclient-service-sso-abc")
    g:object(POD, "default", "newclient-service-sso-abc", true)
    refused("refused", object(DEPLOYMENT, "default", "newclient-service-sso-abc", true))
  end)

  it("look at what a chart renders", function()
    local function find(o) return o.kind == "Node" and NODE or DEPLOYMENT end
    local function chart(...) return g.objects, g, find, { ... }, "default" end
    local function object_of(kind, metadata) return { apiVersion = "apps/v1", kind = kind, metadata = metadata } end
    g:objects(find, { object_of("Deployment", { name = "newclient-service-sso" }) }, "default")
    refused("refused", chart(object_of("Deployment", { name = "urbanos-service-sso" })))
    refused("refused", chart(object_of("Deployment", { name = "newclient-service-sso", namespace = "kube-system" })))
    refused("refused", chart(object_of("Node", { name = "newclient-service-sso" })))
    refused("refused", chart(object_of("Deployment", { name = "pg-secret" })))
  end)

  it("let a run create what all tenants share, but not change or remove it", function()
    g:create(SECRET, "default", "pg-secret")
    assert.is_true(g:is_shared("default", "pg-secret"))
    refused("refused", g.object, g, SECRET, "default", "pg-secret", false)
    refused("refused", g.remove, g, SECRET, "default", "pg-secret")
    g:admit(SECRET, "default", "pg-secret")
    refused("refused", g.object, g, SECRET, "default", "pg-secret", false)
    refused("refused", g.remove, g, SECRET, "default", "pg-secret")
    for _, fn in ipairs { g.create, g.object, g.remove } do
      refused("refused", fn, g, DEPLOYMENT, "default", "pg-secret")
    end
    refused("refused", g.create, g, SECRET, "monitoring", "pg-secret")
    refused("refused", g.create, g, SECRET, "ingress-nginx", "ingress-nginx-controller")
    assert.is_false(g:is_shared("monitoring", "pg-secret"))
  end)

  it("let the run that rotates a shared secret overwrite it, and nothing else", function()
    local rotating = { rotate = { "pg-secret" } }
    for name, item in pairs(SPEC) do
      rotating[name] = item
    end
    g = grants.new(rotating)
    g:object(SECRET, "default", "pg-secret", false)
    refused("refused", g.remove, g, SECRET, "default", "pg-secret")
    refused("refused", g.object, g, DEPLOYMENT, "default", "pg-secret", false)
    refused("refused", g.object, g, SECRET, "monitoring", "pg-secret", false)
  end)

  it("let a run remove the kinds that the platform lists", function()
    local listing = { contents = { kinds = { "Deployment.apps" }, removable = { "Pod" } } }
    for name, item in pairs(SPEC) do
      listing[name] = item
    end
    g = grants.new(listing)
    g:remove(DEPLOYMENT, "default", "newclient-service-sso")
    g:remove(POD, "default", "newclient-service-sso")
    refused("refused", g.remove, g, ROLE_BINDING, "default", "newclient-service-sso")
  end)

  it("refuse a kind before the server is asked for it", function()
    local function find() error "not asked" end
    local binding = { apiVersion = "rbac.authorization.k8s.io/v1", kind = "RoleBinding", metadata = { name = "x" } }
    refused("refused", g.kind, g, binding)
    refused("refused", g.objects, g, find, { binding }, "default")
    g:kind { apiVersion = "apps/v1", kind = "Deployment", metadata = {} }
  end)

  it("refuse a chart's documents that are no objects", function()
    local function find() error "not asked" end
    for _, document in ipairs {
      "text",
      {},
      { kind = "ConfigMap", apiVersion = "v1" },
      { kind = "ConfigMap", apiVersion = "v1", metadata = {} },
      { kind = "ConfigMap", apiVersion = "v1", metadata = { name = 1 } },
      { kind = "ConfigMap", metadata = { name = "newclient-ingress" } },
      { apiVersion = "v1", metadata = { name = "newclient-ingress" } },
      { kind = "ConfigMap", apiVersion = "v1", metadata = { name = "newclient-ingress", namespace = {} } },
      { kind = "List", apiVersion = "v1", items = {} },
    } do
      refused("refused", g.objects, g, find, { document }, "default")
    end
  end)

  it("are no bounds when there are none", function()
    local free = grants.new(nil)
    free:object(NODE, nil, "n1", false)
    free:remove(NODE, nil, "n1")
    free:create(NODE, nil, "n1")
    free:contents(NODE, nil, { anything = true })
    assert.is_nil(free:selector(POD, "kube-system"))
    assert.equal("a=b", free:selector(NODE, nil, "a=b"))
  end)
end)
