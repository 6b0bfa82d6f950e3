--- Changes of each effect type, as scripts make them: created, changed, removed. A row is what tests/e2e/
--- apply_types_spec.lua plans into a file and applies:
---
---     kind, outcome     of the effect
---     write             the body of the runbook's step: tenant, params
---     prepare           lines of a shell that put the system into the state before
---     foreign, look, theirs   what somebody else does meanwhile; what shows it; what is shown then. Without foreign:
---                       nothing that others could change is compared (a message, a thing of the run's own)
---     ours              what is shown when it was applied; nil: not looked at
---     tenant            urbanos by default
---     problem           the plan that is made again cannot be made any more, and says this
---
--- {dir} is the lab's folder, {platform} the platform's, {dns} its name server, {zone} the hosted zone.

local json = require "o2x.base.json"

local ID <const> = "TIDLT-100005"

local function psql(database, sql) return ([[psql -AtqX -v ON_ERROR_STOP=1 -d %s -c "%s"]]):format(database, sql) end

local function own(sql) return psql("coredb-urbanos", sql) end
local function control(sql) return psql("enginedevdb", sql) end

local M = {}

local function add(rows)
  for _, row in ipairs(rows) do
    M[#M + 1] = row
  end
end

-- ---- Vault, files ----

local function put(text)
  return ([[curl -fsS -o /dev/null -H "X-Vault-Token: $VAULT_TOKEN" -d '{"data":{"a":"%s"}}' ]]):format(text)
    .. "$VAULT_ADDR/v1/secret/data/tenant/urbanos/guarded"
end

local SECRET <const> =
  [[curl -fsS -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/secret/data/tenant/urbanos/guarded"]]
local NO_SECRET <const> = [[curl -sS -o /dev/null -X DELETE -H "X-Vault-Token: $VAULT_TOKEN" ]]
  .. "$VAULT_ADDR/v1/secret/metadata/tenant/urbanos/guarded"
local VALUES <const> = "{platform}/core/helm_values/urbanos/service-sso.yaml"
local INVENTORY <const> = "{platform}/docs/TENANT_INVENTORY.md"
local SECTION <const> = [[files.ensure("docs/TENANT_INVENTORY.md",
  (files.read("docs/TENANT_INVENTORY.md"):gsub("(## urbanos %b()\n)[^\n]*", "%1- **Status:** Ours")))]]
local STATUS <const> = "sed -n '/^## urbanos/{n;p;}' " .. INVENTORY

local function status(text) return ("sed -i '/^## urbanos/{n;s/.*/- **Status:** %s/;}' %s"):format(text, INVENTORY) end

local ENSURE_FILE <const> = [[files.ensure("core/helm_values/urbanos/service-sso.yaml", "ours: 1\n")]]

add {
  {
    kind = "vault.secret",
    outcome = "created",
    write = [[vault.ensure("guarded", { a = "our-value" })]],
    prepare = NO_SECRET,
    foreign = put "their-value",
    look = SECRET .. " | jq -r .data.data.a",
    theirs = "their-value",
    ours = "our-value",
  },
  {
    kind = "vault.secret",
    outcome = "changed",
    write = [[vault.ensure("guarded", { a = "our-value" })]],
    prepare = put "first-value",
    foreign = put "their-value",
    look = SECRET .. " | jq -r .data.data.a",
    theirs = "their-value",
    ours = "our-value",
  },
  {
    kind = "file.text",
    outcome = "created",
    write = ENSURE_FILE,
    prepare = "rm -f " .. VALUES,
    foreign = "echo 'theirs: 1' > " .. VALUES,
    look = "cut -d: -f1 " .. VALUES,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "file.text",
    outcome = "changed",
    write = ENSURE_FILE,
    prepare = "echo 'first: 1' > " .. VALUES,
    foreign = "echo 'theirs: 1' > " .. VALUES,
    look = "cut -d: -f1 " .. VALUES,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "file.text",
    outcome = "deleted",
    write = [[files.remove "core/helm_values/urbanos/service-sso.yaml"]],
    prepare = "echo 'first: 1' > " .. VALUES,
    foreign = "echo 'theirs: 1' > " .. VALUES,
    look = "cat " .. VALUES .. " 2>/dev/null || echo none",
    theirs = "theirs: 1",
    ours = "none",
  },
  {
    kind = "file.section",
    outcome = "changed",
    write = SECTION,
    prepare = status "First",
    foreign = status "Theirs",
    look = STATUS,
    theirs = "- **Status:** Theirs",
    ours = "- **Status:** Ours",
  },
}

-- ---- Kubernetes and helm ----

local DEPLOYMENT <const> = "deployment urbanos-service-sso"
local CONFIG <const> = [[{ apiVersion = "v1", kind = "ConfigMap",
  metadata = { name = "urbanos-service-sso", labels = { tenant = "urbanos" } }, data = { text = "ours" } }]]
local NO_CONFIG <const> = "kubectl delete configmap urbanos-service-sso --ignore-not-found"

local function config(text)
  return NO_CONFIG
    .. "; kubectl create configmap urbanos-service-sso --from-literal=text="
    .. text
    .. "; kubectl label configmap urbanos-service-sso tenant=urbanos"
end

local CONFIG_TEXT <const> = "kubectl get configmap urbanos-service-sso --ignore-not-found -o jsonpath={.data.text}"
local NO_KEY <const> = "kubectl delete secret urbanos-service-sso --ignore-not-found"

local function key(text)
  return NO_KEY
    .. "; kubectl create secret generic urbanos-service-sso --from-literal=text="
    .. text
    .. "; kubectl label secret urbanos-service-sso tenant=urbanos"
end

local KEY_TEXT <const> = "kubectl get secret urbanos-service-sso -o jsonpath={.data.text} | base64 -d"
local RELEASE <const> = [[helm.ensure_release("urbanos-service-usage",
  { chart = "core/charts/service-usage", values = "core/helm_values/urbanos/service-usage.yaml" })]]
local CHART <const> = "{platform}/core/charts/service-usage -f {platform}/core/helm_values/urbanos/service-usage.yaml"
local NO_RELEASE <const> = "helm uninstall urbanos-service-usage --ignore-not-found"
local DEPLOYED <const> = "helm upgrade --install urbanos-service-usage " .. CHART
local THEIRS <const> = DEPLOYED .. " --set theirs=1"
local RELEASED <const> = "helm get values urbanos-service-usage -o json 2>/dev/null | jq -r '.theirs // \"ours\"'"

add {
  {
    kind = "k8s.object",
    outcome = "created",
    write = "k8s.ensure " .. CONFIG,
    prepare = NO_CONFIG,
    foreign = config "theirs",
    look = CONFIG_TEXT,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "k8s.object",
    outcome = "changed",
    write = ("k8s.ensure(%s, { force = true })"):format(CONFIG),
    prepare = config "first",
    foreign = config "theirs",
    look = CONFIG_TEXT,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "k8s.object",
    outcome = "deleted",
    write = [[k8s.remove("ConfigMap", "urbanos-service-sso")]],
    prepare = config "first",
    foreign = config "theirs",
    look = CONFIG_TEXT,
    theirs = "theirs",
    ours = "",
  },
  {
    kind = "k8s.replicas",
    outcome = "changed",
    write = [[k8s.scale("Deployment", "urbanos-service-sso", 4, { wait = false })]],
    prepare = "kubectl scale --replicas=3 " .. DEPLOYMENT,
    foreign = "kubectl scale --replicas=5 " .. DEPLOYMENT,
    look = "kubectl get -o jsonpath={.spec.replicas} " .. DEPLOYMENT,
    theirs = "5",
    ours = "4",
  },
  {
    kind = "k8s.fields",
    outcome = "changed",
    write = [[k8s.annotate("Deployment", "urbanos-service-sso", { theirs = "ours" })]],
    prepare = "kubectl annotate " .. DEPLOYMENT .. " theirs-",
    foreign = "kubectl annotate --overwrite " .. DEPLOYMENT .. " theirs=theirs",
    look = "kubectl get -o jsonpath={.metadata.annotations.theirs} " .. DEPLOYMENT,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "k8s.fields",
    outcome = "changed",
    name = "removed",
    write = [[k8s.annotate("Deployment", "urbanos-service-sso", { theirs = json.null })]],
    prepare = "kubectl annotate --overwrite " .. DEPLOYMENT .. " theirs=first",
    foreign = "kubectl annotate --overwrite " .. DEPLOYMENT .. " theirs=theirs",
    look = "kubectl get -o jsonpath={.metadata.annotations.theirs} " .. DEPLOYMENT,
    theirs = "theirs",
    ours = "",
  },
  {
    kind = "k8s.secret",
    outcome = "created",
    write = [[k8s.ensure_secret("urbanos-service-sso", { text = "our-value" })]],
    prepare = NO_KEY,
    foreign = key "their-value",
    look = KEY_TEXT,
    theirs = "their-value",
    problem = "exists with other content",
    ours = "our-value",
  },
  {
    kind = "k8s.secret",
    outcome = "changed",
    write = [[k8s.ensure_secret("urbanos-service-sso", { text = "our-value" }, { overwrite = true })]],
    prepare = key "first-value",
    foreign = key "their-value",
    look = KEY_TEXT,
    theirs = "their-value",
    ours = "our-value",
  },
  {
    kind = "helm.release",
    outcome = "created",
    write = RELEASE,
    prepare = NO_RELEASE,
    foreign = THEIRS,
    look = RELEASED,
    theirs = "1",
    ours = "ours",
  },
  {
    kind = "helm.release",
    outcome = "changed",
    write = RELEASE,
    prepare = DEPLOYED .. " --set first=1",
    foreign = THEIRS,
    look = RELEASED,
    theirs = "1",
    ours = "ours",
  },
  {
    kind = "helm.release",
    outcome = "deleted",
    write = [[helm.remove_release "urbanos-service-usage"]],
    prepare = DEPLOYED,
    foreign = THEIRS,
    look = "helm list -q --filter '^urbanos-service-usage$' | wc -l",
    theirs = "1",
    ours = "0",
  },
}

-- ---- PostgreSQL ----

local function tenant_row(text)
  return control(("update core_config.tenant set status = '%s' where name = 'urbanos'"):format(text))
end

local FLAG <const> = "core_config.feature_flags"
local LAST_VACUUM <const> = own(
  "select coalesce(ceil(extract(epoch from last_vacuum)), 0) from pg_stat_user_tables "
    .. ("where relid = '%s'::regclass"):format(FLAG)
)
local MIGRATED <const> = [[pg.tenant:ensure_migrated("engine/db/migration", { schemas = { "public", "core_config" } })]]
local REPAIRED <const> = MIGRATED:gsub("ensure_migrated", "ensure_migrations_repaired")
local HISTORY <const> = "public.flyway_schema_history"
local SCRIPT <const> = "V900__guarded.sql"
local MADE_BY_HAND <const> = (
  "create table public.guarded (id int, theirs int); insert into %s select 900, '900', "
  .. "'guarded', 'SQL', '%s', 7, 'theirs', now(), 1, true"
):format(HISTORY, SCRIPT)

local function spoiled(n) return own(("update %s set checksum = %d where version = '2.%d'"):format(HISTORY, n, n)) end

local NO_NEWCLIENT <const> = control "delete from core_config.tenant where name = 'newclient'"
  .. "; "
  .. psql("enginedevdb", "drop table if exists o2x.effect")

add {
  {
    kind = "pg.row",
    outcome = "changed",
    write = [[pg.control:ensure_row("core_config.tenant", { name = tenant.name }, { status = "ACTIVE" })]],
    prepare = tenant_row "SUSPENDED",
    foreign = tenant_row "RETIRED",
    look = control "select status from core_config.tenant where name = 'urbanos'",
    theirs = "RETIRED",
    ours = "ACTIVE",
  },
  {
    kind = "pg.database",
    outcome = "changed",
    write = [[pg.admin:ensure_database("coredb-urbanos",
      { owner = "admin", encoding = "UTF8", connection_limit = 12 })]],
    prepare = psql("postgres", [[alter database \"coredb-urbanos\" connection limit 11]]),
    foreign = psql("postgres", [[alter database \"coredb-urbanos\" connection limit 5]]),
    look = psql("postgres", "select datconnlimit from pg_database where datname = 'coredb-urbanos'"),
    theirs = "5",
    ours = "12",
  },
  {
    kind = "pg.database",
    outcome = "created",
    tenant = "newclient",
    write = [[pg.admin:ensure_database("coredb-newclient",
      { owner = "admin", encoding = "UTF8", connection_limit = 12 })]],
    prepare = psql("postgres", [[drop database if exists \"coredb-newclient\"]]),
    foreign = psql("postgres", [[create database \"coredb-newclient\" owner admin connection limit 5]]),
    look = psql("postgres", "select datconnlimit from pg_database where datname = 'coredb-newclient'"),
    theirs = "5",
    ours = "12",
  },
  {
    kind = "pg.grant",
    outcome = "changed",
    write = [[pg.admin:ensure_grant("coredb-urbanos", { temporary = { "appuser" } })]],
    prepare = psql("postgres", [[revoke temporary on database \"coredb-urbanos\" from appuser, public]]),
    foreign = psql("postgres", [[grant temporary on database \"coredb-urbanos\" to appuser]]),
    look = psql("postgres", "select has_database_privilege('appuser', 'coredb-urbanos', 'TEMPORARY')"),
    theirs = "t",
    ours = "t",
  },
  {
    kind = "pg.allocated",
    outcome = "created",
    tenant = "newclient",
    write = [[pg.control:ensure_allocated { table = "core_config.tenant", key = { name = "newclient" }, column = "id",
      prefix = "TIDLT-", digits = 6, first = 100001, values = { status = "ACTIVE",
      vaulturi = tenant.vault_uri, vaultpath = tenant.vault_path } }]],
    prepare = NO_NEWCLIENT,
    foreign = control(
      "insert into core_config.tenant (id, name, status, vaulturi, vaultpath) select 'TIDLT-100077', 'newclient', "
        .. "'SUSPENDED', replace(vaulturi, 'urbanos', 'newclient'), replace(vaultpath, 'urbanos', 'newclient') "
        .. "from core_config.tenant where name = 'urbanos'"
    ),
    look = control "select status from core_config.tenant where name = 'newclient'",
    theirs = "SUSPENDED",
    ours = "ACTIVE",
  },
  {
    kind = "pg.migration",
    outcome = "changed",
    write = MIGRATED,
    prepare = "echo 'create table public.guarded (id int);' > {platform}/engine/db/migration/"
      .. SCRIPT
      .. "; "
      .. own("drop table if exists public.guarded; delete from " .. HISTORY .. " where script = '" .. SCRIPT .. "'"),
    foreign = own(MADE_BY_HAND),
    look = own("select count(*) from information_schema.columns where table_name = 'guarded'"),
    theirs = "2",
    ours = "1",
    problem = "checksum",
  },
  {
    kind = "pg.migration_history",
    outcome = "changed",
    write = REPAIRED,
    prepare = "rm -f {platform}/engine/db/migration/" .. SCRIPT .. "; " .. own(
      "drop table if exists public.guarded; delete from " .. HISTORY .. " where script = '" .. SCRIPT .. "'"
    ) .. "; " .. spoiled(1),
    foreign = spoiled(2),
    look = own(("select count(*) from %s where checksum in (1, 2)"):format(HISTORY)),
    theirs = "2",
    ours = "0",
  },
  {
    kind = "pg.vacuum",
    outcome = "changed",
    write = ([[pg.tenant:ensure_vacuumed("%s", clock.now())]]):format(FLAG),
    prepare = ('until [ "$(date +%%s)" -gt "$(%s)" ]; do :; done'):format(LAST_VACUUM), -- a second is over
    foreign = own("vacuum " .. FLAG),
    look = own(("select last_vacuum is not null from pg_stat_user_tables where relid = '%s'::regclass"):format(FLAG)),
    theirs = "t",
    ours = "t",
  },
}

-- ---- archives ----

local DUMP <const> = "{dir}/typed.dump"
local EXAMINED <const> = [[archive.create_copy(archive.examine(params.from))]]
local RESTORED <const> = [[archive.create_copy(archive.examine(params.from, "core_config.users"))]]

add {
  {
    kind = "pg.archive",
    outcome = "created",
    write = "archive.dump(params.to)",
    prepare = ("rm -f %s %s.json"):format(DUMP, DUMP),
    foreign = "echo theirs > " .. DUMP,
    look = "head -c 6 " .. DUMP,
    theirs = "theirs",
    problem = "typed.dump",
  },
  {
    kind = "pg.restored",
    outcome = "created",
    write = EXAMINED .. " archive.drop_copy()",
    look = psql("postgres", "select count(*) from pg_database where datname like '%--restore-%'"),
    ours = "0",
  },
  {
    kind = "pg.table",
    outcome = "changed",
    write = RESTORED .. [[ archive.restore_table("core_config.users") archive.drop_copy()]],
    prepare = own "update core_config.users set email = 'first@example.com'",
    foreign = own "update core_config.users set email = 'theirs@example.com'",
    look = own "select min(email) = 'theirs@example.com' from core_config.users",
    theirs = "t",
    ours = "f",
  },
  {
    kind = "pg.swapped",
    outcome = "changed",
    write = EXAMINED .. " archive.swap()",
    prepare = psql("postgres", [[comment on database \"coredb-urbanos\" is null]]),
    foreign = psql(
      "postgres",
      [[comment on database \"coredb-urbanos\" is '{\"o2x\": \"restored\", \"of\": \"coredb-urbanos\",]]
        .. [[ \"run\": \"R-theirs\"}']]
    ),
    look = psql(
      "postgres",
      "select shobj_description(oid, 'pg_database')::json->>'run' = 'R-theirs' from pg_database where datname = "
        .. "'coredb-urbanos'"
    ),
    theirs = "t",
    ours = "f",
  },
}

-- ---- AWS ----

local function aws(line) return "aws --endpoint-url $AWS_ENDPOINT_URL " .. line end

local function records(action, value)
  local set = {
    Name = "api.urbanos.embrix.com",
    Type = "CNAME",
    TTL = 300,
    ResourceRecords = json.array { { Value = value .. ".example.com" } },
  }
  local batch = json.encode { Changes = json.array { { Action = action, ResourceRecordSet = set } } }
  return aws "route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch '" .. batch .. "'"
end

local RECORD <const> = [[dns.ensure_record { name = "api." .. tenant.domain, type = "CNAME",
  values = { "ours.example.com" }, takeover = true }]]
local ANSWER <const> = "dig +short @{dns} api.urbanos.embrix.com CNAME | cut -d. -f1"
local URL <const> = ("s3://embrix-development-data/%s/typed.dump"):format(ID)
local SNAPSHOT <const> = "urbanos-manual-20260102-000000"
local NO_SNAPSHOT <const> = aws("rds delete-db-snapshot --db-snapshot-identifier " .. SNAPSHOT)
  .. " 2>/dev/null || true"
local MAKE_SNAPSHOT <const> = aws(
  ("rds create-db-snapshot --db-snapshot-identifier %s --db-instance-identifier embrix-rds-dev-db"):format(SNAPSHOT)
) .. " && " .. aws("rds wait db-snapshot-available --db-snapshot-identifier " .. SNAPSHOT)
local SNAPSHOTS <const> = aws "rds describe-db-snapshots --query "
  .. ("\"length(DBSnapshots[?DBSnapshotIdentifier=='%s'])\""):format(SNAPSHOT)
local SERVERS <const> = aws "rds describe-db-instances --query 'length(DBInstances)'"

local function object(text)
  return ("printf %%s '%s' > {dir}/object; "):format(text) .. aws("s3 cp {dir}/object " .. URL)
end

local CONTENT <const> = aws("s3 cp " .. URL .. " - | head -c 6")

add {
  {
    kind = "dns.record",
    outcome = "created",
    write = RECORD,
    prepare = records("UPSERT", "first") .. " && " .. records("DELETE", "first"),
    foreign = records("UPSERT", "theirs"),
    look = ANSWER,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "dns.record",
    outcome = "changed",
    write = RECORD,
    prepare = records("UPSERT", "first"),
    foreign = records("UPSERT", "theirs"),
    look = ANSWER,
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "rds.snapshot",
    outcome = "created",
    write = ("rds.ensure_snapshot %q"):format(SNAPSHOT),
    prepare = NO_SNAPSHOT,
    foreign = MAKE_SNAPSHOT,
    look = SNAPSHOTS,
    theirs = "1",
    ours = "1",
  },
  {
    kind = "rds.instance",
    outcome = "created",
    write = ("rds.ensure_server %q rds.remove_server()"):format(SNAPSHOT),
    prepare = NO_SNAPSHOT .. "; " .. MAKE_SNAPSHOT,
    look = SERVERS,
    ours = "1",
  },
  {
    kind = "s3.object",
    outcome = "created",
    write = ("s3.upload(archive.dump_own(), %q) archive.drop_own()"):format(URL),
    prepare = aws("s3 rm " .. URL),
    foreign = object "theirs",
    look = CONTENT,
    theirs = "theirs",
    problem = "typed.dump",
  },
  {
    kind = "s3.copy",
    outcome = "created",
    write = ("s3.fetch %q s3.drop_own()"):format(URL),
    prepare = object "first",
    foreign = object "theirs",
    look = CONTENT,
    theirs = "theirs",
  },
}

-- ---- Redis, the broker, Alertmanager, services, messages ----

local function redis(line) return 'redis-cli -u "$REDIS_URL" ' .. line end

local QUEUE <const> = ID .. ".typed"
local BROKER <const> = 'curl -sS -u "$O2X_BROKER_USER:$O2X_BROKER_PASSWORD" -H "Origin: http://localhost" '
local NO_QUEUE <const> = BROKER
  .. "-f -d '"
  .. json.encode {
    type = "exec",
    mbean = "org.apache.activemq:type=Broker,brokerName=localhost",
    operation = "removeQueue",
    arguments = { QUEUE },
  }
  .. '\' "$O2X_BROKER_URL/api/jolokia"'
local ALERTMANAGER <const> = [[{ service = "alertmanager-operated", port = 9093, namespace = "monitoring" }]]
local SILENCES <const> = "/api/v1/namespaces/monitoring/services/http:alertmanager-operated:9093/proxy/api/v2/silence"
local ACTIVE <const> = ([[kubectl get --raw %ss | jq -r '.[] | select(.status.state != "expired") | .%%s']]):format(
  SILENCES
)
local NO_SILENCE <const> = ("for id in $(%s); do kubectl delete --raw %s/$id; done"):format(
  ACTIVE:format "id",
  SILENCES
)

local function silence(comment)
  local document = json.encode {
    startsAt = "2026-01-01T00:00:00Z",
    endsAt = "2099-01-01T00:00:00Z",
    createdBy = "o2x",
    comment = comment,
    matchers = { { name = "tenant", value = "urbanos", isRegex = false, isEqual = true } },
  }
  return ("%s; printf %%s '%s' | kubectl create --raw %ss -f -"):format(NO_SILENCE, document, SILENCES)
end

local SILENT <const> = ([[alerts.silence(%s, { until_time = "2098-01-01T00:00:00Z", comment = "ours" })]]):format(
  ALERTMANAGER
)

add {
  {
    kind = "redis.keys",
    outcome = "deleted",
    write = ('redis.clear "%s:"'):format(ID),
    prepare = redis("set " .. ID .. ":first 1"),
    foreign = redis "flushall",
    look = redis "dbsize",
    theirs = "0",
    ours = "0",
  },
  {
    kind = "broker.queue",
    outcome = "created",
    write = ("broker.ensure_queue %q"):format(QUEUE),
    prepare = NO_QUEUE,
    foreign = BROKER .. ('-d body=theirs "$O2X_BROKER_URL/api/message/%s?type=queue"'):format(QUEUE),
  },
  {
    kind = "alerts.silence",
    outcome = "created",
    write = SILENT,
    prepare = NO_SILENCE,
    foreign = silence "theirs",
    look = ACTIVE:format "comment",
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "alerts.silence",
    outcome = "changed",
    write = SILENT,
    prepare = silence "first",
    foreign = silence "theirs",
    look = ACTIVE:format "comment",
    theirs = "theirs",
    ours = "ours",
  },
  {
    kind = "alerts.silence",
    outcome = "deleted",
    write = ("alerts.unsilence(%s)"):format(ALERTMANAGER),
    prepare = silence "first",
    foreign = silence "theirs",
    look = ACTIVE:format "comment",
    theirs = "theirs",
    ours = "",
  },
  {
    kind = "service.request",
    outcome = "created",
    write = [[service.send { service = "urbanos-service-sso", path = "/api/users/create", name = "user",
      json = { username = "typed", password = "typed-by-a-test", email = "typed@example.com" } }]],
    look = own "select count(*) from core_config.users where email = 'typed@example.com'",
    ours = "1",
  },
  {
    kind = "service.repeatable",
    outcome = "created",
    write = [[service.send { service = "urbanos-jobs-common", path = "/api/jobs/billing/trigger", name = "billing",
      repeatable = true, headers = { ["X-Tenant-ID"] = tenant.id }, json = {} }]],
  },
  {
    kind = "webhook.message",
    outcome = "created",
    write = [[webhook.send("chat", { text = "ours" })]],
  },
}

return M
