local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local stdlib = require "tests.support.stdlib"

describe("stdlib.cluster", function()
  it("labels every object with its tenant", function()
    local labels = stdlib.new().require("cluster").labels(stdlib.tenant "newclient", "newclient-service-sso")
    assert.equal("newclient", labels.tenant)
    assert.equal("newclient-service-sso", labels.app)
  end)

  it("ensures the claim of the data volume", function()
    local std = stdlib.new()
    std.require("cluster").volume(stdlib.tenant "newclient")
    local claim = std.called("k8s.ensure")[1][1]
    assert.equal("PersistentVolumeClaim", claim.kind)
    assert.equal("newclient-data-pvc", claim.metadata.name)
    assert.equal("100Gi", claim.spec.resources.requests.storage)
  end)

  describe("the shared secrets", function()
    local COMPLETE = { data = { username = "x", password = "x", token = "x" } }

    -- existing: the object that the cluster has under each name
    local function ensure(existing, given)
      local std = stdlib.new { k8s = { get = function() return existing end } }
      std.require("cluster").shared_secrets(stdlib.tenant("newclient", { secrets = { shared = given } }))
      return std.called "k8s.ensure_secret"
    end

    it("are created from the secrets source", function()
      local database, vault = { password = secret.new "p" }, { token = secret.new "t" }
      local calls = ensure(nil, { ["pg-secret"] = database, ["app-vault-token"] = vault })
      assert.same({ "pg-secret", "app-vault-token" }, { calls[1][1], calls[2][1] })
      assert.equal(vault, calls[2][2])
    end)

    it("are left alone without a secrets source", function() assert.same({}, ensure(COMPLETE)) end)

    it("fail the run if one is missing everywhere", function()
      local problem = raised(ensure, nil)
      assert.matches("there is no secret pg%-secret in namespace default", problem.message)
      assert.matches("shared.pg%-secret: username, password", problem.hint)
    end)

    it(
      "fail the run if one lacks a key",
      function() assert.matches("has no key 'password'", raised(ensure, { data = { username = "x" } }).message) end
    )
  end)
end)
