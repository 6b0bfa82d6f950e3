-- o2x policy believed the tenant's file: one that claimed the id of a tenant without a file got the other's keys in
-- Redis, and a tenant whose file has no id never got its own, however long ago it was onboarded.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

local INSERT <const> = "insert into core_config.tenant (id, name, vaulturi, vaultpath) "
  .. "values ('TIDLT-100042', 'newclient', 'http://newclient', 'tenant/newclient/production')"

describe("o2x policy", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function policy(tenant)
    local result = lab:o2x { "policy", tenant, "--system=redis" }
    return result.code, result.stdout .. result.stderr
  end

  it("has the id that the registry holds", function()
    local code, text = policy "newclient"
    assert.equal(0, code)
    assert.matches("newclient has no id yet", text)
    lab:sql("enginedevdb", INSERT)
    code, text = policy "newclient"
    assert.equal(0, code)
    assert.matches("~TIDLT%-100042:%*", text)
  end)

  it("refuses a file with the id of a tenant that only the registry has", function()
    fs.remove(fs.join(lab.platform, "tenants/shm.yaml"))
    local path = fs.join(lab.platform, "tenants/urbanos.yaml")
    fs.write(path, (fs.read(path):gsub("\nid: [^\n]*", "\nid: TIDLT-100004", 1)))
    local code, text = policy "urbanos"
    assert.equal(3, code)
    assert.matches("urbanos.yaml:2: TIDLT%-100004 belongs to shm in the registry", text)
    assert.is_nil(text:find("ACL", 1, true))
  end)
end)
