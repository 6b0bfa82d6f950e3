-- A tenant's name could have 40 letters, so that the name of its longest release had 62. helm takes 53: the run failed
-- in the middle, when it deployed.

local catalogue = require "stdlib.catalogue"
local helm = require "o2x.client.helm"
local naming = require "stdlib.naming"
local raised = require "tests.support.raised"

describe("a release name", function()
  it("of the longest tenant name is one that helm takes", function()
    local tenant = { name = ("t"):rep(naming.MAX_TENANT_NAME) }
    for _, service in ipairs(catalogue.names()) do
      local name = naming.resource(tenant, service)
      assert.is_true(#name <= 53, name)
    end
  end)

  it("that is too long is refused with both lengths", function()
    local client = helm.new { kubeconfig = {}, folder = "/nonexistent" }
    local e = raised(client.check_name, client, ("r"):rep(54), "default")
    assert.equal("input", e.kind)
    assert.matches("has 54 characters; helm takes at most 53", e.message)
  end)
end)
