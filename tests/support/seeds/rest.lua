--- What somebody did to newclient in the places and ways that no other list has: seeds as in tests/support/seeds.lua.

local json = require "o2x.base.json"

local function shell(script) return { "bash", "-ec", script } end
local function server(sql) return { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", sql } end

-- A change of one record set.
local function dns(...)
  local actions = { ... }
  return function(lab)
    local zone, changes = lab:zone(), json.array {}
    for i, one in ipairs(actions) do
      local action, name, ttl, target = table.unpack(one, 1, 4)
      local set = { Name = name, Type = "CNAME", TTL = ttl, ResourceRecords = json.array { { Value = target } } }
      changes[i] = { Action = action, ResourceRecordSet = set }
    end
    local words = { "route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch" }
    words[#words + 1] = json.encode { Changes = changes }
    lab:aws(table.unpack(words))
  end
end

-- What the record points to, of a load balancer that has the name.
local function target_of(lab, name)
  local query = ("ResourceRecordSets[?Name=='%s.']|[0].ResourceRecords[0].Value"):format(name)
  local words = { "route53", "list-resource-record-sets", "--hosted-zone-id", lab:zone(), "--query", query }
  return (lab:aws(table.unpack(table.move({ "--output", "text" }, 1, 2, #words + 1, words))):gsub("%s", ""))
end

return {
  {
    what = "database owned by another",
    by = server(
      "create role other_owner; grant other_owner to admin; "
        .. 'alter database "coredb-newclient" owner to other_owner'
    ),
    finds = {
      { "different", "database coredb-newclient", "pg.database" },
      { "different", "privileges on database coredb-newclient", "pg.grant" },
    },
  },
  {
    what = "secret's newest version deleted",
    by = shell [[curl -sf -H "X-Vault-Token: $VAULT_TOKEN" -X DELETE \
      "$VAULT_ADDR/v1/secret/data/tenant/newclient/avalara"]],
    finds = { { "missing", "tenant/newclient/avalara" } },
    also = { "Gateway", "Vault" },
  },
  {
    what = "alerts file renamed",
    by = shell 'cd "$O2X_PLATFORM/alerts" && mv newclient-alerts.yaml newclient-alerts.yaml.old',
    finds = { { "missing", "alerts/newclient-alerts.yaml" } },
  },
  {
    what = "inventory entry renamed",
    by = shell [[sed -i 's/^## newclient (/## new-client (/' "$O2X_PLATFORM/docs/TENANT_INVENTORY.md"]],
    finds = { { "missing", "docs/TENANT_INVENTORY.md" } },
    back = shell [[sed -i 's/^## new-client (/## newclient (/' "$O2X_PLATFORM/docs/TENANT_INVENTORY.md"]],
  },
  {
    what = "release's values edited",
    by = shell [[helm upgrade newclient-service-billing "$O2X_PLATFORM/core/charts/service-billing" \
      --reuse-values --set replicaCount=5 >/dev/null]],
    finds = { { "different", "release newclient-service-billing", "helm.release" } },
  },
  {
    what = "record edited",
    by = function(lab) dns { "UPSERT", "api.newclient.embrix.com", 300, "elsewhere.example.com" }(lab) end,
    finds = { { "in the way", "api.newclient.embrix.com CNAME" } },
    also = { "api.newclient.embrix.com" },
  },
  {
    what = "record's TTL edited",
    by = function(lab) dns { "UPSERT", "newclient.embrix.com", 9, target_of(lab, "newclient.embrix.com") }(lab) end,
    finds = { { "different", "newclient.embrix.com CNAME" } },
  },
  {
    what = "record renamed",
    by = function(lab)
      local target = target_of(lab, "\\052.newclient.embrix.com")
      dns({ "DELETE", "*.newclient.embrix.com", 300, target }, { "CREATE", "www.newclient.embrix.com", 300, target })(
        lab
      )
    end,
    finds = { { "missing", "*.newclient.embrix.com CNAME" }, { "left over", "www.newclient.embrix.com CNAME" } },
  },
}
