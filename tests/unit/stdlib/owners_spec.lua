local stdlib = require "tests.support.stdlib"

local PLATFORM <const> = {
  domain = "embrix.com",
  namespace = "default",
  database = { name = "coredb-{tenant}", control = "enginedevdb", legacy = { dev = "enginedevdb", old = "olddb" } },
  monitoring = { namespace = "monitoring" },
}

-- kind, name, whose it is
local CASES <const> = {
  { "pg.database", "coredb-newclient", "newclient" },
  { "pg.database", "coredb-newclient-sbx", "newclient-sbx" },
  { "pg.database", "coredb-", nil },
  { "pg.database", "coredb-New", nil },
  { "pg.database", "enginedevdb", nil },
  { "pg.database", "olddb", "old" },
  { "pg.database", "postgres", nil },
  { "dns.record", "api.newclient.embrix.com", "newclient" },
  { "dns.record", "*.newclient-sbx.embrix.com", "newclient-sbx" },
  { "dns.record", "API.NewClient.embrix.com.", "newclient" },
  { "dns.record", "grafana.embrix.com", nil },
  { "dns.record", "api.newclient.example.com", nil },
  { "dns.record", "embrix.com", nil },
  { "file.text", "alerts/newclient-alerts.yaml", "newclient" },
  { "file.text", "alerts/newclient-sbx-alerts.yaml", "newclient-sbx" },
  { "file.text", "docs/runbooks/TENANT_a-b.md", "a-b" },
  { "file.text", "core/helm_values/newclient/", "newclient" },
  { "file.text", "provision_gateway/helm_values/newclient/provision-gateway.yaml", "newclient" },
  { "file.text", "alerts/README.md", nil },
  { "vault.secret", "newclient", "newclient" },
  { "broker.queue", "TIDLT-100008.billing", "newclient" },
  { "broker.queue", "TIDLT-999999.billing", "TIDLT-999999" },
  { "broker.queue", "ActiveMQ.DLQ", nil },
  { "redis.keys", "newclient", nil },
}

describe("naming backwards", function()
  local owners
  setup(function() owners = stdlib.new().require "owners" end)

  it("tells whose each name is, by whole names", function()
    for _, case in ipairs(CASES) do
      local kind, name, whose = table.unpack(case, 1, 3)
      assert.equal(whose, owners.of(kind, name, PLATFORM, { ["TIDLT-100008"] = "newclient" }), kind .. " " .. name)
    end
  end)

  it("knows where the names of all tenants are", function()
    local places = owners.places(PLATFORM, "docs/INVENTORY.md", { "core/" })
    assert.same({ "tenant/" }, places.vault)
    assert.equal("enginedevdb", places.pg.control)
    assert.same({}, places.files.write)
    local folders = table.concat(places.places.folders, " ")
    for _, folder in ipairs { "alerts/", "core/helm_values/", "crm_gateway/helm_values/", "docs/runbooks/" } do
      assert.is_truthy(folders:find(folder, 1, true), folder)
    end
  end)
end)
