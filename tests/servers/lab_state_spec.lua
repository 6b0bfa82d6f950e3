-- A lab that is put back is as it was: whatever ordinary clients changed, in each system. And each single change is
-- seen in the picture of the lab's state, and named.

local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"

local lab, start
local function run(script)
  local result = proc.run { argv = { "sh", "-ec", script }, env = lab.env, timeout = 120 }
  assert(result.code == 0, script .. "\n" .. result.stderr)
  return result.stdout
end

local URBANOS <const> = "psql -qX -v ON_ERROR_STOP=1 -d coredb-urbanos -c "
local VAULT <const> = 'curl -sSf -H "X-Vault-Token: $VAULT_TOKEN" '
local AWS <const> = 'aws --endpoint-url "$AWS_ENDPOINT_URL" '
local ZONE <const> = AWS .. "route53 list-hosted-zones --query 'HostedZones[0].Id' --output text"
local BROKER <const> = 'curl -sSf -u "$O2X_BROKER_USER:$O2X_BROKER_PASSWORD" -H "Origin: http://localhost" '

local MBEAN <const> = "org.apache.activemq:type=Broker,brokerName=localhost"
local HELM <const> = "helm upgrade -n default "

local function record(action, name, value)
  return ([[%sroute53 change-resource-record-sets --hosted-zone-id "$(%s)" --change-batch '{"Changes":[{"Action":"%s",
    "ResourceRecordSet":{"Name":"%s","Type":"TXT","TTL":60,"ResourceRecords":[{"Value":"\"%s\""}]}}]}']]):format(
    AWS,
    ZONE,
    action,
    name,
    value
  )
end

-- What is done, and where it is seen: part, item, path (patterns; no path: the item came or went).
local CHANGES <const> = {
  {
    "a row",
    URBANOS .. [["update core_config.tenant set name = 'other'"]],
    "postgres",
    "^coredb%-urbanos rows core_config.tenant$",
    "row TIDLT%-100005.*name$",
  },
  {
    "a row more",
    URBANOS .. [["insert into core_config.roles (id, name) values ('R', 'r')"]],
    "postgres",
    "rows core_config.roles$",
    "^row R",
  },
  { "no rows", URBANOS .. '"truncate core_config.users cascade"', "postgres", "rows core_config.users$", "row " },
  { "a table", URBANOS .. '"create table public.extra (a int)"', "postgres", "table public.extra$" },
  {
    "a column",
    URBANOS .. '"alter table core_config.tenant add extra text"',
    "postgres",
    "table core_config.tenant$",
    "columns",
  },
  {
    "a privilege",
    URBANOS .. '"grant select on core_config.tenant to public"',
    "postgres",
    "table core_config.tenant$",
    "acl",
  },
  {
    "an owner",
    URBANOS .. '"grant appuser to admin; alter schema core_config owner to appuser"',
    "postgres",
    "schema core_config$",
    "owner",
  },
  {
    "a function",
    URBANOS .. [["create function public.f() returns int language sql as 'select 1'"]],
    "postgres",
    "function public",
  },
  { "a sequence", URBANOS .. [["create sequence public.s"]], "postgres", "sequence public.s$" },
  { "a database", "createdb extra", "postgres", "^database extra$" },
  { "no database", "dropdb coredb-demo", "postgres", "^database coredb%-demo$" },
  {
    "a database's name",
    "psql -qXd postgres -c 'alter database \"coredb-shm\" rename to other'",
    "postgres",
    "^database other$",
  },
  { "a role", "psql -qXd postgres -c 'create role extra login'", "postgres", "^role extra$" },
  { "a key", 'redis-cli -u "$REDIS_URL" set extra 1', "redis", "^0 extra$" },
  { "another database's key", 'redis-cli -u "$REDIS_URL" -n 3 set extra 1', "redis", "^3 extra$" },
  {
    "a time to live",
    'redis-cli -u "$REDIS_URL" expire TIDLT-100005:cache:price-list 1000',
    "redis",
    "price%-list$",
    "expires",
  },
  { "no keys", 'redis-cli -u "$REDIS_URL" flushall', "redis", "price%-list$" },
  {
    "replicas",
    "kubectl scale deployment urbanos-service-sso --replicas=3",
    "k8s",
    "^Deployment default/urbanos%-service%-sso$",
    "spec.replicas",
  },
  {
    "a label",
    "kubectl label service urbanos-service-sso extra=1",
    "k8s",
    "^Service default/urbanos%-service%-sso$",
    "labels.extra",
  },
  { "a secret", "kubectl create secret generic extra --from-literal=a=b", "k8s", "^Secret default/extra$" },
  { "no object", "kubectl delete ingress urbanos-ingress", "k8s", "^Ingress default/urbanos%-ingress$" },
  { "a namespace", "kubectl create namespace extra", "k8s", "^Namespace extra$" },
  {
    "a revision",
    HELM .. "urbanos-service-sso --reuse-values --set replicaCount=1 $O2X_PLATFORM/core/charts/service-sso",
    "helm",
    "urbanos%-service%-sso revision 2$",
  },
  { "no release", "helm uninstall urbanos-crm-gateway -n default", "helm", "crm%-gateway revision 1$" },
  {
    "a version of a secret",
    VAULT .. [[-d '{"data":{"a":"b"}}' $VAULT_ADDR/v1/secret/data/tenant/urbanos/stripe]],
    "vault",
    "urbanos/stripe$",
    "versions.2.data.a",
  },
  {
    "a deleted version",
    VAULT .. "-X DELETE $VAULT_ADDR/v1/secret/data/tenant/urbanos/stripe",
    "vault",
    "urbanos/stripe$",
    "deletion_time",
  },
  {
    "no secret",
    VAULT .. "-X DELETE $VAULT_ADDR/v1/secret/metadata/tenant/urbanos/stripe",
    "vault",
    "urbanos/stripe$",
  },
  {
    "a policy",
    VAULT .. [[-d '{"policy":"path \"secret/*\" {capabilities=[\"read\"]}"}' $VAULT_ADDR/v1/sys/policies/acl/extra]],
    "vault",
    "^policy extra$",
  },
  { "a record", record("CREATE", "extra.embrix.com", "x"), "aws", "^record embrix.com. extra.embrix.com. TXT$" },
  {
    "an object",
    'echo x > "$O2X_LAB_DIR/x" && ' .. AWS .. 's3 cp "$O2X_LAB_DIR/x" s3://embrix-demo-data/x',
    "aws",
    "^object embrix%-demo%-data/x$",
  },
  {
    "a queue",
    BROKER .. '"$O2X_BROKER_URL/api/jolokia/exec/' .. MBEAN .. '/addQueue(java.lang.String)/extra"',
    "broker",
    "^queue extra$",
  },
  {
    "a message",
    BROKER .. [[-d 'body=hello' "$O2X_BROKER_URL/api/message/TIDLT-100005.jobs.billing?type=queue"]],
    "broker",
    "jobs.billing$",
    "messages.1.text",
  },
  { "a file's bytes", "echo x >> $O2X_PLATFORM/README.md", "files", "^platform/README.md$", "bytes" },
  { "a file's mode", "chmod 600 $O2X_PLATFORM/README.md", "files", "^platform/README.md$", "mode" },
  {
    "a file",
    "mkdir -p $O2X_PLATFORM/new/below && echo x > $O2X_PLATFORM/new/below/file",
    "files",
    "^platform/new/below/file$",
  },
  { "no file", "rm -r $O2X_PLATFORM/tenants/urbanos.yaml", "files", "^platform/tenants/urbanos.yaml$" },
  {
    "a link in the place of a file",
    "rm $O2X_PLATFORM/README.md && ln -s /etc/passwd $O2X_PLATFORM/README.md",
    "files",
    "^platform/README.md$",
    "type",
  },
}

local function names(differences, change)
  for _, each in ipairs(differences) do
    local there = each.part == change[3] and each.item:find(change[4])
    if there and (change[5] and each.path and each.path:find(change[5]) or not change[5] and not each.path) then
      return true
    end
  end
  return false
end

local function listed(differences)
  local lines = {}
  for i, each in ipairs(differences) do
    lines[i] = ("%s %s %s: %s, %s"):format(
      each.part,
      each.item,
      each.path or "",
      tostring(each.before),
      tostring(each.after)
    )
  end
  return table.concat(lines, "\n")
end

-- A table as o2x makes it, with what a run before has left, and one that is not in the server's log of changes.
local LOCKS <const> = [["create schema o2x; create table o2x.lock (tenant text primary key, number bigint, run text,
  since timestamptz, released jsonb); insert into o2x.lock values ('urbanos', 7, null, '2026-01-02 03:04:05.678901+00',
  jsonb_build_object('user', 'x')), ('acme', 1, 'R-1', null, null); create unlogged table public.unlogged (a int)"]]
local TAKE <const> = [["update o2x.lock set number = number + 1, run = 'R-2', since = now(), released = null;
  delete from o2x.lock where tenant = 'acme'; insert into o2x.lock values ('other', 1)"]]
local HELD <const> = "psql -XAtqd coredb-urbanos -c 'select l.* from o2x.lock l order by 1'"

local function server_start() return run "psql -XAtqd coredb-urbanos -c 'select pg_postmaster_start_time()'" end

local function is_as_at_start() assert.equal("", listed(labs.differences(start, lab:state { full = true }))) end

describe("the lab's state", function()
  setup(function()
    lab = labs.start()
    run(URBANOS .. LOCKS)
    lab:snapshot "start"
    start = lab:state { full = true }
  end)
  teardown(function() lab:stop() end)

  it("has the same picture twice", is_as_at_start)

  for _, change in ipairs(CHANGES) do
    it("has a picture that names what changed: " .. change[1], function()
      run(change[2])
      local found = labs.differences(start, lab:state { full = true })
      lab:restore "start"
      assert.is_true(names(found, change), "found:\n" .. listed(found))
    end)
  end

  it("is as it was after changes of all kinds", function()
    local random = math.random
    math.randomseed(11)
    for _ = 1, 4 do
      local order = {}
      for i = 1, #CHANGES do
        table.insert(order, random(#order + 1), i)
      end
      for i = 1, 12 do
        proc.run { argv = { "sh", "-c", CHANGES[order[i]][2] }, env = lab.env, timeout = 120 } -- some exclude others
      end
      lab:restore "start"
      assert.same({}, lab:log())
      is_as_at_start()
    end
  end)

  it("is put back without a restart of PostgreSQL where only rows of locks have changed", function()
    lab:restore "start"
    local held, began = run(HELD), server_start()
    for _ = 1, 3 do
      run(URBANOS .. TAKE)
      assert.not_equal(held, run(HELD))
      lab:restore "start"
      assert.equal(held, run(HELD))
      assert.equal(began, server_start())
      is_as_at_start()
    end
    for _, more in ipairs {
      "update core_config.tenant set name = 'other'",
      "insert into public.unlogged values (1)",
      "vacuum core_config.tenant",
      "create table public.extra ()",
    } do
      run(URBANOS .. TAKE)
      run(URBANOS .. ('"%s"'):format(more))
      lab:restore "start"
      assert.not_equal(began, server_start(), more)
      assert.equal(held, run(HELD))
      is_as_at_start()
      began = server_start()
    end
  end)

  it("is put back in a lab that goes on working", function()
    assert.equal("urbanos\n", run "psql -XAtqd coredb-urbanos -c 'select name from core_config.tenant'")
    run "kubectl rollout restart deployment urbanos-service-sso"
    run "kubectl rollout status deployment urbanos-service-sso"
    lab:restore "start"
    is_as_at_start()
  end)
end)
