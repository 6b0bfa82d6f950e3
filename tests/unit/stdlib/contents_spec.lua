local stdlib = require "tests.support.stdlib"

describe("stdlib.contents", function()
  local contents = stdlib.new().require "contents"

  local function tenant(name, rotate)
    local one = stdlib.tenant(name)
    one.platform.kubernetes.rotate = rotate
    return one
  end

  it("gives a tenant its own host, id and the platform's classes", function()
    local given = contents.of(tenant "newclient")
    assert.same({ "newclient.embrix.com" }, given.hosts)
    assert.equal("TIDLT-100008", given.id)
    assert.same({ "nginx", "efs-sc" }, given.classes)
    assert.same({ "letsencrypt-prod" }, given.annotations["cert-manager.io/cluster-issuer"])
    assert.same({}, given.fields)
  end)

  it("lists no kind of roles, quotas, policies or endpoints", function()
    for _, name in ipairs(contents.of(tenant "newclient").kinds) do
      for _, word in ipairs { "Role", "Quota", "Limit", "Policy", "Endpoint", "Namespace", "Webhook", "Class" } do
        assert.is_nil(name:find(word, 1, true), name)
      end
    end
  end)

  it("lets the run that platform.yaml names rotate a shared secret, and no other", function()
    assert.same({}, contents.rotated(tenant "newclient"))
    local rotate = { ["pg-secret"] = "dev", ["app-vault-token"] = "dev", other = "newclient" }
    assert.same({ "app-vault-token", "pg-secret" }, contents.rotated(tenant("dev", rotate)))
    assert.same({ "other" }, contents.rotated(tenant("newclient", rotate)))
    assert.same({}, contents.rotated(tenant("urbanos", rotate)))
    assert.same({}, contents.rotated(tenant("dev", "dev")))
  end)
end)
