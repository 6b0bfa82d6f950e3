-- The systems of o2x policy, and the identity that a run has in each.

local policy = require "o2x.policy"

local TENANT <const> = { name = "newclient", id = "TIDLT-100008" }
local GRANTS <const> = {
  pg = { tenant = "coredb-newclient", control = "registry", admin = "postgres" },
  vault = { "tenant/newclient/" },
  redis = { "TIDLT-100008:" },
  broker = { "TIDLT-100008." },
  s3 = { "data/TIDLT-100008/" },
  dns = { "newclient.example.com" },
  rds = { instance = "main" },
  helm = { "newclient-web" },
  k8s = { namespace = "default", namespaces = { "default", "monitoring" }, names = { "newclient-web" }, shared = {} },
}

describe("a policy", function()
  for _, system in ipairs(policy.SYSTEMS) do
    it("of " .. system.name .. " names the tenant's own things and no other's", function()
      local text = policy.text(system.name, TENANT, GRANTS, {})
      assert.is_true(text:find("newclient", 1, true) ~= nil or text:find("TIDLT-100008", 1, true) ~= nil)
      assert.is_nil(text:find("newclient-sbx", 1, true))
      assert.matches("%S", system.apply)
    end)
  end

  it("is for an identity of the tenant's", function() assert.equal("o2x-newclient", policy.identity(TENANT)) end)
end)
