local objects = require "tests.support.objects"
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

  it("gives a tenant the class that the platform has, where it has one only", function()
    local one = tenant "newclient"
    one.platform.kubernetes.ingress_class = nil
    assert.same({ "efs-sc" }, contents.of(one).classes)
    one.platform.kubernetes.storage_class = nil
    assert.same({}, contents.of(one).classes)
  end)

  it("knows the names of tenants in texts, and which are its own", function()
    local legacy = contents.of(tenant "dev").patterns
    assert.equal("enginedevdb", legacy["coredb%-[a-z0-9-]+"])
    assert.equal("TIDLT-100003", legacy["TIDLT%-%d+"])
    assert.equal("http://dev-vault-interface/", legacy["http://[a-z0-9-]+%-vault%-interface/"])
    assert.equal("dev-service-sso", legacy["[a-z0-9-]+%-service%-sso"])
    local unallocated = tenant "newclient"
    unallocated.id = nil
    assert.equal("", contents.of(unallocated).patterns["TIDLT%-%d+"])
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
    assert.same({}, contents.rotated(tenant("newclient", rotate))) -- it is not a shared one
    assert.same({}, contents.rotated(tenant("urbanos", rotate)))
    assert.same({}, contents.rotated(tenant("dev", "dev")))
  end)

  it("lets through what the other modules write", function()
    local one = stdlib.tenant "newclient"
    local written = 0
    for name, call in pairs {
      cluster = function(module) module.volume(one) end,
      monitoring = function(module) module.create(one) end,
      ingress = function(module) module.create(one) end,
      ["maintenance.page"] = function(module)
        module.write_record(one, "{}")
        module.show(one, function() return "{}" end)
      end,
    } do
      local std = stdlib.new { k8s = { get = function() return nil end } }
      call(std.require(name))
      for _, arguments in ipairs(std.called "k8s.ensure") do
        local object = arguments[1]
        objects.grants():objects(objects.resource, { object }, "default")
        written = written + 1
      end
    end
    assert.equal(8, written)
  end)
end)
