local support = require "o2x.effects.k8s.support"

local DEPLOYMENT <const> = { kind = "Deployment", name = "sso", namespace = "prod" }
local NODE <const> = { kind = "Node", name = "n1" }

describe("a target in a cluster", function()
  it("has one word for the journal and one for people", function()
    assert.equal("prod/Deployment/sso", support.key(DEPLOYMENT))
    assert.equal("-/Node/n1", support.key(NODE))
    assert.equal("Deployment prod/sso", support.title(DEPLOYMENT))
    assert.equal("Node n1", support.title(NODE))
  end)

  it("is asked for in its version where it names one", function()
    local asked
    local client = { namespace = "prod", get = function(_, ...) asked = table.pack(...) end }
    local ctx = { client = function() return client end, once = function(_, _, fn, ...) return fn(...) end }
    support.get(ctx, DEPLOYMENT)
    assert.same({ "Deployment", "sso", "prod", n = 3 }, asked)
    support.get(ctx, { kind = "Widget", api_version = "x/v1", name = "w" })
    assert.same({ apiVersion = "x/v1", kind = "Widget" }, asked[1])
  end)

  it("is in the tenant's namespace, unless another is said or there is none", function()
    local ctx = { client = function() return { namespace = "prod" } end }
    local function namespace(namespaced, given)
      return support.target(ctx, { kind = "X", api_version = "v1", namespaced = namespaced }, "x", given).namespace
    end
    assert.equal("prod", namespace(true))
    assert.equal("other", namespace(true, "other"))
    assert.is_nil(namespace(false, "other"))
  end)
end)
