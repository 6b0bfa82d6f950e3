-- o2x list --tenants showed the ids of the files, none for a tenant whose id the registry has allocated, and nothing of
-- a tenant that is in one of both only.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("o2x list --tenants", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function listed(env)
    local result, by_name = lab:o2x({ "list", "--tenants", "--json" }, { env = env }), {}
    assert.equal(0, result.code, result.stderr)
    for _, entry in ipairs(json.decode(result.stdout)) do
      by_name[entry.name] = entry
    end
    return by_name, result.stderr
  end

  it("shows ids and states as the registry has them", function()
    lab:sql(
      "enginedevdb",
      "insert into core_config.tenant (id, name, vaulturi, vaultpath, licensekey, status) values "
        .. "('TIDLT-100008', 'newclient', 'http://newclient-vault-interface/', 'tenant/newclient/production', 'L', "
        .. "'SUSPENDED'), ('TIDLT-100009', 'ghost', 'http://ghost-vault/', 'tenant/ghost/demo', 'L', 'ACTIVE')"
    )
    local tenants = listed()
    assert.equal("active", tenants.urbanos.state)
    assert.equal("TIDLT-100008", tenants.newclient.id)
    assert.equal("suspended", tenants.newclient.state)
    assert.equal("registry only: no file", tenants.ghost.state)
    assert.is_nil(tenants["acme-sbx"].id)
    assert.equal("file only: not in the registry", tenants["acme-sbx"].state)
    local text = lab:o2x({ "list", "--tenants" }).stdout
    assert.matches("\nghost +TIDLT%-100009 +%- +%- +%- +registry only: no file\n", text)
    assert.matches("\nurbanos +TIDLT%-100005 +development +us%-east%-1 +%- +active\n", text)
  end)

  it("shows those of the files where the registry does not answer, and says so", function()
    local tenants, said = listed { PGPORT = "1" }
    assert.equal("TIDLT-100005", tenants.urbanos.id)
    assert.is_nil(tenants.urbanos.state)
    assert.matches("note: the registry does not answer, ids are those of the files: PostgreSQL", said)
  end)
end)
