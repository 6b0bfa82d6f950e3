local errors = require "o2x.base.error"
local grants = require "o2x.client.k8s.grants"

local POD = { kind = "Pod", plural = "pods", namespaced = true }
local DEPLOYMENT = { kind = "Deployment", plural = "deployments", namespaced = true }
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
    g:object(DEPLOYMENT, "default", "pg-secret", false)
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
    g:objects(find, { { kind = "Deployment", metadata = { name = "newclient-service-sso" } } }, "default")
    refused("refused", chart { kind = "Deployment", metadata = { name = "urbanos-service-sso" } })
    refused(
      "refused",
      chart { kind = "Deployment", metadata = { name = "newclient-service-sso", namespace = "kube-system" } }
    )
    refused("refused", chart { kind = "Node", metadata = { name = "newclient-service-sso" } })
  end)

  it("are no bounds when there are none", function()
    local free = grants.new(nil)
    free:object(NODE, nil, "n1", false)
    assert.is_nil(free:selector(POD, "kube-system"))
    assert.equal("a=b", free:selector(NODE, nil, "a=b"))
  end)
end)
