--- What somebody deleted of newclient: one system of it after the other, by the ordinary clients.

local json = require "o2x.base.json"

local M = {}

local function shell(script)
  return function(lab) lab:out("bash", "-ec", script) end
end

local function psql(database, sql) return shell(("psql -X -q -d %s -c '%s'"):format(database, sql)) end

local VAULT <const> = [[
  list() {
    curl -sf -H "X-Vault-Token: $VAULT_TOKEN" -X LIST "$VAULT_ADDR/v1/secret/metadata/$1" | jq -r '.data.keys[]'
  }
  clear() { for key in $(list "$1"); do case $key in
    */) clear "$1$key";;
    *) curl -sf -H "X-Vault-Token: $VAULT_TOKEN" -X DELETE "$VAULT_ADDR/v1/secret/metadata/$1$key";;
  esac; done; }
  clear tenant/newclient/]]

local function records(lab)
  local zone = lab:zone()
  local query = "ResourceRecordSets[?contains(Name, 'newclient.embrix.com')]"
  local words = { "route53", "list-resource-record-sets", "--hosted-zone-id", zone, "--query", query }
  local sets = json.decode(lab:aws(table.unpack(table.move({ "--output", "json" }, 1, 2, #words + 1, words))))
  local changes = json.array {}
  for i, set in ipairs(sets) do
    changes[i] = { Action = "DELETE", ResourceRecordSet = set }
  end
  local batch = json.encode { Changes = changes }
  lab:aws("route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch)
end

local QUEUES <const> = [[
  ask() { curl -sSf -u "$O2X_BROKER_USER:$O2X_BROKER_PASSWORD" -H 'Origin: http://localhost' \
    -d "$1" "$O2X_BROKER_URL/api/jolokia" | jq -r "$2"; }
  broker=$(ask '{"type":"read","mbean":"org.apache.activemq:type=Broker,brokerName=*","attribute":"BrokerName"}' \
    '.value | keys[0]')
  ask "{\"type\":\"read\",\"mbean\":\"$broker\",\"attribute\":\"Queues\"}" '.value[].objectName' |
  sed -n 's/.*destinationName=\(TIDLT-100008[^,]*\).*/\1/p' | while read -r name; do
    ask "{\"type\":\"exec\",\"mbean\":\"$broker\",\"operation\":\"removeQueue\",\"arguments\":[\"$name\"]}" .status
  done]]

--- The systems, in the order in which onboarding makes a tenant there: name → what deletes it.
M.SYSTEMS = {
  {
    "registry",
    psql(
      "enginedevdb",
      [[delete from core_config.tenant_profile where tenantid = '\''TIDLT-100008'\'';
    delete from core_config.tenant where name = '\''newclient'\'']]
    ),
  },
  { "database", psql("postgres", 'drop database "coredb-newclient" with (force)') },
  { "secrets", shell(VAULT) },
  { "queues", shell(QUEUES) },
  { "values", shell 'cd "$O2X_PLATFORM" && find . -path "*/helm_values/newclient*" -delete' },
  { "releases", shell "helm list -aq | grep ^newclient- | xargs -r -n1 helm uninstall >/dev/null" },
  {
    "objects",
    shell [[kubectl delete pvc,ingress,certificate -l tenant=newclient --wait=false >/dev/null
    kubectl delete secret newclient-tls-cert --ignore-not-found >/dev/null
    kubectl delete configmap,servicemonitor,prometheusrule -n monitoring -l tenant=newclient >/dev/null]],
  },
  { "records", records },
  {
    "documents",
    shell [[cd "$O2X_PLATFORM" && rm -f docs/runbooks/TENANT_newclient.md &&
    sed -i '/^## newclient (/,/^## /{/^## newclient (/d;/^## /!d}' docs/TENANT_INVENTORY.md]],
  },
  {
    "manifests",
    shell [[cd "$O2X_PLATFORM" && rm -f k8s/ingress/newclient-ingress.yaml \
    monitoring/servicemonitor-newclient.yaml alerts/newclient-alerts.yaml]],
  },
}

return M
