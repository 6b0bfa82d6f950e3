--- What somebody did to newclient by hand, one in each place and each way, for the audit's test. A seed has
---   what    names it
---   by      a command of the ordinary clients, or fn(lab)
---   finds   what the audit must say, each with its way: { "missing", a part of what it names, kind } …
---   also    checks that fail because of it, a pattern each
---   back    for what no command of this machine mends: fn(lab)

local json = require "o2x.base.json"

local function psql(database, sql) return { "psql", "-X", "-q", "-d", database, "-c", sql } end
local function own(sql) return psql("coredb-newclient", sql) end
local function control(sql) return psql("enginedevdb", sql) end

local function vault(method, path, body)
  return function(lab)
    local words = { "curl", "-sSf", "-o", "/dev/null", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN }
    if body then words = table.move({ "-d", json.encode(body) }, 1, 2, #words + 1, words) end
    words[#words + 1] = lab.env.VAULT_ADDR .. "/v1/secret/" .. path
    lab:out(table.unpack(words))
  end
end

local function kubectl(...) return { "kubectl", ... } end

local function tree(script) return { "sh", "-c", 'cd "$O2X_PLATFORM" && ' .. script } end

-- A change of one record set by its values as they are there.
local function dns(action, name, kind, values)
  return function(lab)
    local zone = lab:zone()
    local query = ("ResourceRecordSets[?Name=='%s.' && Type=='%s']|[0]"):format(name, kind)
    local set = values and { Name = name, Type = kind, TTL = 300, ResourceRecords = json.array { { Value = values } } }
      or json.decode(
        lab:aws("route53", "list-resource-record-sets", "--hosted-zone-id", zone, "--query", query, "--output", "json")
      )
    local batch = { Changes = json.array { { Action = action, ResourceRecordSet = set } } }
    local words = { "route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch" }
    words[#words + 1] = json.encode(batch)
    lab:aws(table.unpack(words))
  end
end

local function jolokia(lab, request)
  local words = { "curl", "-sSf", "-u", lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD }
  words = table.move({ "-H", "Origin: http://localhost", "-d", json.encode(request) }, 1, 4, #words + 1, words)
  words[#words + 1] = lab.env.O2X_BROKER_URL .. "/api/jolokia"
  return json.decode(lab:out(table.unpack(words))).value
end

local function queue(operation, name)
  return function(lab)
    local any = { type = "read", mbean = "org.apache.activemq:type=Broker,brokerName=*", attribute = "BrokerName" }
    local broker = next(jolokia(lab, any))
    jolokia(lab, { type = "exec", mbean = broker, operation = operation, arguments = json.array { name } })
  end
end

local OLD_MAP <const> = [[
kubectl apply -f - <<'E'
apiVersion: v1
kind: ConfigMap
metadata: {name: newclient-old, namespace: default, labels: {tenant: newclient, app.kubernetes.io/managed-by: o2x}}
data: {a: b}
E]]

local OLD_RELEASE <const> = [[
d=$(mktemp -d) && mkdir $d/templates && printf 'apiVersion: v2\nname: old\nversion: 1.0.0\n' >$d/Chart.yaml &&
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: newclient-legacy\n  labels: {tenant: newclient}\n' \
  >$d/templates/map.yaml &&
helm install newclient-legacy $d --namespace=default; code=$?; rm -r $d; exit $code]]

local ID <const> = "TIDLT-100008"
local RULE <const> = "monitoring/PrometheusRule/newclient-alerts"
local EXTRA <const> = "insert into core_config.%s"

local M = {
  -- PostgreSQL: the tenant's database
  {
    what = "row edited",
    by = own "update core_config.tenant set vaultpath = 'x'",
    finds = { { "different", "coredb-newclient core_config.tenant where" } },
  },
  {
    what = "row deleted",
    by = own "delete from core_config.tenant_property_defaults where property_key = 'invoice.due_days'",
    finds = { { "missing", "property_key = 'invoice.due_days'" } },
  },
  {
    what = "value of a property edited",
    by = own(
      "update core_config.tenant_property_defaults set property_value = '28' "
        .. "where property_key = 'billing.cycle_day'"
    ),
    finds = { { "different", "property_key = 'billing.cycle_day'" } },
  },
  {
    what = "integration extra",
    by = own(
      EXTRA:format "tenant_merchants (id, tenant_id, index, name, type, authtype, apitype, baseurl) "
        .. "values ('TIDLT-100008', 'TIDLT-100008', 9, 'OLD', 'TAX_GATEWAY', 'BASIC', 'REST', 'https://old.example')"
    ),
    finds = { { "left over", "core_config.tenant_merchants where id = 'TIDLT-100008' and index = 9" } },
  },
  {
    what = "integration renamed",
    by = own "update core_config.tenant_merchants set name = 'TAXJAR' where index = 2",
    finds = { { "different", "core_config.tenant_merchants where id = 'TIDLT-100008' and index = 2" } },
    also = { "Gateway" },
  },
  {
    what = "row of another tenant",
    by = own(
      EXTRA:format "tenant (id, name, vaulturi, vaultpath, licensekey, status) "
        .. "select 'TIDLT-100002', 'demo', vaulturi, vaultpath, licensekey, status from core_config.tenant"
    ),
    finds = { { "left over", "coredb-newclient core_config.tenant where id = 'TIDLT-100002'" } },
  },
  {
    what = "administrator deleted",
    by = own "delete from core_config.users where userid = 'admin@newclient.com'",
    finds = { { "missing", "core_config.users where" } },
  },
  {
    what = "connection limit edited",
    by = psql("postgres", 'alter database "coredb-newclient" connection limit 7'),
    finds = { { "different", "coredb-newclient", "pg.database" } },
  },
  {
    what = "privilege revoked",
    by = psql(
      "postgres",
      'revoke connect on database "coredb-newclient" from appuser, public; '
        .. 'revoke all on database "coredb-newclient" from public'
    ),
    finds = {
      { "different", "coredb-newclient", "pg.grant" },
      { "missing", "privilege on DATABASE to PUBLIC", "pg.migration" },
    },
  },
  -- PostgreSQL: the registry
  {
    what = "registry's row edited",
    by = control "update core_config.tenant set vaulturi = 'http://else' where name = 'newclient'",
    finds = { { "different", "enginedevdb core_config.tenant where name = 'newclient'" } },
  },
  {
    what = "registry's profile deleted",
    by = control "delete from core_config.tenant_profile where tenantid = 'TIDLT-100008'",
    finds = { { "missing", "enginedevdb core_config.tenant_profile" } },
  },
  -- Vault
  {
    what = "secret deleted",
    by = vault("DELETE", "metadata/tenant/newclient/quickbooks"),
    finds = { { "missing", "tenant/newclient/quickbooks" } },
    also = { "Gateway", "Vault" },
  },
  {
    what = "secret edited",
    by = vault("POST", "data/tenant/newclient/stripe", { data = { api_key = "sk_edited_by_hand" } }),
    finds = { { "different", "tenant/newclient/stripe" } },
    also = { "Gateway", "Vault" },
  },
  {
    what = "secret of another tenant's id",
    by = vault("POST", "data/tenant/newclient/info", { data = { tenant_id = "TIDLT-100003", tenant_name = "dev" } }),
    finds = { { "different", "tenant/newclient/info" } },
  },
  {
    what = "secret extra",
    by = vault("POST", "data/tenant/newclient/old/key", { data = { a = "b" } }),
    finds = { { "left over", "tenant/newclient/old/key" } },
    back = vault("DELETE", "metadata/tenant/newclient/old/key"),
  },
  {
    what = "secret renamed",
    by = function(lab)
      vault("DELETE", "metadata/tenant/newclient/avalara")(lab)
      vault("POST", "data/tenant/newclient/avalara-2", { data = { a = "b" } })(lab)
    end,
    finds = { { "missing", "tenant/newclient/avalara" }, { "left over", "tenant/newclient/avalara-2" } },
    also = { "Gateway", "Vault" },
    back = vault("DELETE", "metadata/tenant/newclient/avalara-2"),
  },
  -- files
  {
    what = "values file deleted",
    by = tree "rm core/helm_values/newclient/service-usage.yaml",
    finds = { { "missing", "core/helm_values/newclient/service-usage.yaml" } },
  },
  {
    what = "values file edited",
    by = tree "sed -i 's/TIDLT-100008/TIDLT-100002/' core/helm_values/newclient/service-billing.yaml",
    finds = { { "different", "core/helm_values/newclient/service-billing.yaml" } },
  },
  {
    what = "values file extra",
    by = tree "touch core/helm_values/newclient/service-old.yaml",
    finds = { { "left over", "core/helm_values/newclient/service-old.yaml" } },
  },
  {
    what = "values file renamed",
    by = tree "cd tax-gateway/helm_values/newclient && mv tax-gateway.yaml tax.yaml",
    finds = {
      { "missing", "tax-gateway/helm_values/newclient/tax-gateway.yaml" },
      { "left over", "tax-gateway/helm_values/newclient/tax.yaml" },
    },
  },
  {
    what = "ingress file edited",
    by = tree "sed -i 's/50m/5m/' k8s/ingress/newclient-ingress.yaml",
    finds = { { "different", "k8s/ingress/newclient-ingress.yaml" } },
  },
  {
    what = "monitoring file deleted",
    by = tree "rm monitoring/servicemonitor-newclient.yaml",
    finds = { { "missing", "monitoring/servicemonitor-newclient.yaml" } },
  },
  {
    what = "alerts file deleted",
    by = tree "rm alerts/newclient-alerts.yaml",
    finds = { { "missing", "alerts/newclient-alerts.yaml" } },
  },
  {
    what = "handoff document deleted",
    by = tree "rm docs/runbooks/TENANT_newclient.md",
    finds = { { "missing", "docs/runbooks/TENANT_newclient.md" } },
  },
  {
    what = "inventory entry edited",
    by = tree "sed -i 's/coredb-newclient/coredb-demo/' docs/TENANT_INVENTORY.md",
    finds = { { "different", "docs/TENANT_INVENTORY.md" } },
  },
  -- Kubernetes and helm
  {
    what = "deployment deleted",
    by = kubectl("delete", "deployment", "newclient-service-sso"),
    finds = { { "different", "release newclient-service-sso" } },
    also = { "service%-sso", "All pods", "Admin user", "GraphQL" },
  },
  {
    what = "image edited",
    by = kubectl("set", "image", "deployment/newclient-service-payment", "*=by-hand:1"),
    finds = { { "different", "release newclient-service-payment" } },
  },
  {
    what = "service's selector edited",
    by = kubectl(
      "patch",
      "service",
      "newclient-crm-gateway",
      "--type=merge",
      "-p",
      '{"spec":{"selector":{"app":"x"}}}'
    ),
    finds = { { "different", "release newclient-crm-gateway" } },
    also = { "crm%-gateway", "All pods", "Gateway" },
  },
  {
    what = "service deleted",
    by = kubectl("delete", "service", "newclient-jobs-common"),
    finds = { { "different", "release newclient-jobs-common" } },
    also = { "Services", "jobs%-common", "All pods" },
  },
  {
    what = "deployment scaled to nothing",
    by = kubectl("scale", "deployment/newclient-service-invoice", "--replicas=0"),
    finds = { { "different", "release newclient-service-invoice" } },
    also = { "service%-invoice", "All pods" },
  },
  {
    what = "release uninstalled",
    by = { "helm", "uninstall", "newclient-batch-process" },
    finds = { { "missing", "release newclient-batch-process" } },
    also = { "Services", "batch%-process", "All pods" },
  },
  {
    what = "release extra",
    by = { "bash", "-c", OLD_RELEASE },
    finds = { { "left over", "of release newclient-legacy" } },
  },
  {
    what = "ingress edited",
    by = kubectl(
      "annotate",
      "ingress",
      "newclient-ingress",
      "--overwrite",
      "nginx.ingress.kubernetes.io/proxy-body-size=1m"
    ),
    finds = { { "different", "Ingress default/newclient-ingress" } },
  },
  {
    what = "volume claim's label removed",
    by = kubectl("label", "pvc", "newclient-data-pvc", "tenant-", "app.kubernetes.io/managed-by-"),
    finds = { { "different", "PersistentVolumeClaim default/newclient-data-pvc" } },
  },
  {
    what = "service monitor deleted",
    by = kubectl("delete", "servicemonitor", "newclient-services", "-n", "monitoring"),
    finds = { { "missing", "ServiceMonitor monitoring/newclient-services" } },
  },
  {
    what = "alert rules owned by another",
    by = {
      "bash",
      "-c",
      "kubectl get prometheusrule newclient-alerts -n monitoring -o json | "
        .. "jq '{apiVersion, kind, metadata: {name: .metadata.name, namespace: .metadata.namespace}, "
        .. 'spec: {groups: [{name: "other", rules: []}]}}\' | '
        .. "kubectl apply --server-side --force-conflicts --field-manager=other -f -",
    },
    finds = { { "in the way", RULE } },
  },
  {
    what = "dashboard deleted",
    by = kubectl("delete", "configmap", "newclient-dashboard", "-n", "monitoring"),
    finds = { { "missing", "ConfigMap monitoring/newclient-dashboard" } },
  },
  {
    what = "object extra",
    by = { "bash", "-c", OLD_MAP },
    finds = { { "left over", "ConfigMap default/newclient-old" } },
  },
  {
    what = "certificate expired",
    by = kubectl(
      "patch",
      "certificate",
      "newclient-tls-cert",
      "--subresource=status",
      "--type=merge",
      "--patch",
      '{"status":{"notAfter":"2020-01-01T00:00:00Z"}}'
    ),
    finds = { { "failed check", "The certificate is issued" } },
    back = kubectl("delete", "secret", "newclient-tls-cert"),
  },
  -- DNS
  {
    what = "record deleted",
    by = dns("DELETE", "api.newclient.embrix.com", "CNAME"),
    finds = { { "missing", "api.newclient.embrix.com CNAME" } },
    also = { "api.newclient.embrix.com" },
  },
  {
    what = "record extra",
    by = dns("CREATE", "old.newclient.embrix.com", "CNAME", "elsewhere.example.com"),
    finds = { { "left over", "old.newclient.embrix.com CNAME" } },
  },
  -- the broker
  {
    what = "queue deleted",
    by = queue("removeQueue", ID .. ".usage.rating"),
    finds = { { "missing", ID .. ".usage.rating" } },
    also = { "queues" },
  },
  {
    what = "queue extra",
    by = queue("addQueue", ID .. ".old"),
    finds = { { "left over", ID .. ".old" } },
    back = queue("removeQueue", ID .. ".old"),
  },
  {
    what = "queue renamed",
    by = function(lab)
      queue("removeQueue", ID .. ".jobs.billing")(lab)
      queue("addQueue", ID .. ".jobs.bills")(lab)
    end,
    finds = { { "missing", ID .. ".jobs.billing" }, { "left over", ID .. ".jobs.bills" } },
    also = { "queues" },
    back = queue("removeQueue", ID .. ".jobs.bills"),
  },
}

--- The words of psql for one statement.
M.psql = psql

local OLD_DASHBOARD <const> = [[
kubectl create configmap newclient-old-dashboard --from-literal=a=b &&
kubectl label configmap newclient-old-dashboard tenant=newclient-old]]

--- What is left of newclient-old, a tenant that was half deleted. finds: a part of what the audit names.
M.orphan = {
  { by = psql("postgres", 'create database "coredb-newclient-old"'), finds = "database coredb-newclient-old" },
  {
    by = control(
      "insert into core_config.tenant (id, name, vaulturi, vaultpath, licensekey, status) "
        .. "values ('TIDLT-100077', 'newclient-old', 'http://x', 'tenant/newclient-old/production', 'x', 'ACTIVE')"
    ),
    finds = "id = 'TIDLT-100077'",
  },
  {
    by = vault("POST", "data/tenant/newclient-old/info", { data = { a = "b" } }),
    finds = "tenant/newclient-old/info",
    back = vault("DELETE", "metadata/tenant/newclient-old/info"),
  },
  { by = { "bash", "-c", OLD_DASHBOARD }, finds = "ConfigMap default/newclient-old-dashboard" },
  { by = dns("CREATE", "api.newclient-old.embrix.com", "CNAME", "x.example.com"), finds = "api.newclient-old." },
  { by = tree "mkdir core/helm_values/newclient-old && touch core/helm_values/newclient-old/x", finds = "helm_values" },
  { by = tree "touch alerts/newclient-old-alerts.yaml", finds = "alerts/newclient-old-alerts.yaml" },
  {
    by = tree "printf '\\n## newclient-old (TIDLT-100077)\\n- x\\n' >>docs/TENANT_INVENTORY.md",
    finds = "## newclient-old (TIDLT-100077)",
    back = tree "sed -i '/newclient-old/,$d' docs/TENANT_INVENTORY.md",
  },
  {
    by = queue("addQueue", "TIDLT-100077.billing.invoice"),
    finds = "queue TIDLT-100077.billing.invoice",
    back = queue("removeQueue", "TIDLT-100077.billing.invoice"),
  },
}

return M
