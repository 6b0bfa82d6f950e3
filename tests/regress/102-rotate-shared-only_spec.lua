-- platform.yaml's kubernetes.rotate gave a tenant any secret that it named, in o2x policy at least.

local stdlib = require "tests.support.stdlib"

describe("what a tenant's run rotates", function()
  it("is a secret that all tenants share, and no other", function()
    local contents = stdlib.new().require "contents"
    local function rotated(given)
      local kubernetes = { postgres_secret = "pg-secret", vault_secret = "app-vault-token", rotate = given }
      return contents.rotated { name = "newclient", platform = { kubernetes = kubernetes } }
    end
    assert.same({ "pg-secret" }, rotated { ["pg-secret"] = "newclient", ["urbanos-tls-cert"] = "newclient" })
    assert.same({}, rotated { ["urbanos-tls-cert"] = "newclient", ["pg-secret"] = "urbanos" })
    assert.same({}, rotated(nil))
  end)
end)
