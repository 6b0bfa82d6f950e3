--- "High Latency / Slow Responses" (guide: Troubleshooting 3): the services' own metrics, slow queries and missing
--- indexes in the database, the cache, the queues.

local broker = require "o2x.broker"
local catalogue = require "stdlib.catalogue"
local deploy = require "stdlib.deploy"
local findings = require "stdlib.diagnose.findings"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local messaging = require "stdlib.messaging"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local redis = require "o2x.redis"
local remedy = require "stdlib.remedy"

local M = {}

local SLOW_QUERY <const> = 1000 -- milliseconds on average, as in the guide
local MIN_LOOKUPS <const> = 1000 -- with fewer lookups, a hit rate means nothing

-- Where platform.yaml has no threshold, nothing is reported.
local function limits(tenant)
  local known = tenant.platform.monitoring.thresholds or {}
  local function above(name) return (known[name] or {}).above or math.huge end
  return {
    pool = above "connection_pool",
    latency = above "latency_p95",
    errors = above "http_errors",
    hits = (known.cache_hits or {}).below or 0,
    queue = above "queue_depth",
  }
end

-- ---- the services' metrics ----

-- Sums of all series in Prometheus' text format: name → value; "errors": requests with status 5xx.
local function sum_metrics(text)
  local sums = {}
  local function add(name, value) sums[name] = (sums[name] or 0) + value end
  for name, labels, value in text:gmatch "([%w_:]+)(%b{})%s+([%d.eE+-]+)" do
    local number = tonumber(value) or 0
    add(name, number)
    if name == "http_server_requests_seconds_count" and labels:find('status="5%d%d"') then add("errors", number) end
  end
  return sums
end

local function pool(found, tenant, service, sums, limit)
  local active, max = sums.hikaricp_connections_active or 0, sums.hikaricp_connections_max or 0
  local waiting = sums.hikaricp_connections_pending or 0
  if max > 0 and active / max > limit or waiting > 0 then
    findings.add(
      found,
      "critical",
      service,
      "the database connection pool is exhausted",
      ("%.0f of %.0f connections active, %.0f requests waiting"):format(active, max, waiting),
      {
        say = "check for slow queries first; add SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE to app.envMap in "
          .. naming.values_file(tenant.name, service),
        mend = remedy.deploy(tenant, service),
      }
    )
  end
end

-- More replicas, where the catalogue allows more.
local function more_replicas(tenant, service, now)
  local most = catalogue.find(service).replicas[2]
  if now < most then return { mend = remedy.scale(tenant, service, most) } end
  return { say = "it has as many replicas as the catalogue allows", look = remedy.logs(tenant, service) }
end

local function requests(found, tenant, service, sums, limit, replicas)
  local count = sums.http_server_requests_seconds_count or 0
  if count == 0 then return end
  local mean, errors = (sums.http_server_requests_seconds_sum or 0) / count, (sums.errors or 0) / count
  if mean > limit.latency then
    findings.add(
      found,
      "warning",
      service,
      ("responds after %.1f s on average"):format(mean),
      ("%.0f requests"):format(count),
      more_replicas(tenant, service, replicas)
    )
  end
  if errors > limit.errors then
    findings.add(
      found,
      "critical",
      service,
      ("%.0f %% of its responses are errors (5xx)"):format(errors * 100 // 1),
      ("%.0f requests"):format(count),
      { look = remedy.logs(tenant, service, "error") }
    )
  end
end

local function health(found, tenant, service)
  local status, down = deploy.health(tenant, service)
  if status == "UP" then return end
  findings.add(
    found,
    "critical",
    service,
    "reports that it is not healthy",
    status .. (#down > 0 and ": " .. table.concat(down, ", ") or ""),
    { look = remedy.logs(tenant, service) }
  )
end

local function check_service(found, tenant, service, limit, replicas)
  health(found, tenant, service)
  local response = k8s.request(naming.resource(tenant, service), 8080, { path = "/actuator/prometheus" })
  if response.status ~= 200 then return end
  local sums = sum_metrics(response.body)
  pool(found, tenant, service, sums, limit.pool)
  requests(found, tenant, service, sums, limit, replicas)
end

local function services(found, tenant, facts, limit)
  parallel.each(catalogue.names(), function(service)
    local deployment = facts.deployments[naming.resource(tenant, service)]
    if not deployment or (deployment.status.readyReplicas or 0) == 0 then return end -- reported elsewhere
    findings.check(
      found,
      service,
      { look = remedy.logs(tenant, service) },
      check_service,
      found,
      tenant,
      service,
      limit,
      deployment.spec.replicas or 1
    )
  end, { limit = 4 })
end

-- ---- the database ----

local SLOWEST = "select query, calls, mean_exec_time from pg_stat_statements order by mean_exec_time desc limit 5"

local function slow_queries(found, tenant)
  if not pg.tenant:one "select 1 as found from pg_extension where extname = 'pg_stat_statements'" then return end
  local rows = pg.tenant:rows(
    [[
    select left(regexp_replace(query, '\s+', ' ', 'g'), 120) as query, calls, round(mean_exec_time)::bigint as mean
    from pg_stat_statements s join pg_database d on d.oid = s.dbid
    where d.datname = current_database() and mean_exec_time > $1 and query ~* '^\s*(select|insert|update|delete|with)'
    order by mean_exec_time desc limit 5]],
    SLOW_QUERY
  )
  for _, row in ipairs(rows) do
    findings.add(
      found,
      "warning",
      tenant.database,
      ("a slow query: %d ms on average, %d calls"):format(row.mean, row.calls),
      row.query,
      {
        say = "explain (analyze, buffers) shows what it does; an index may be missing",
        look = remedy.psql(tenant.database, SLOWEST),
      }
    )
  end
end

-- The guide's indexes and those of the migrations: the table and the columns that an index must begin with.
local INDEXES = {
  { name = "idx_account_tenant_email", on = "account", columns = "tenant_id, email" },
  { name = "idx_invoice_customer_date", on = "invoice", columns = "customer_id, invoice_date" },
  { name = "idx_bill_status_created", on = "bill", columns = "status, created_date" },
  { name = "idx_payment_status_created", on = "payment", columns = "status, created_date" },
}

local function indexes(found, tenant)
  for _, index in ipairs(INDEXES) do
    local row = pg.tenant:one(
      [[select to_regclass('public.' || quote_ident($1)) is not null as exists,
      exists(select 1 from pg_indexes where schemaname = 'public' and tablename = $1
        and indexdef like '%(' || $2 || '%') as indexed]],
      index.on,
      index.columns
    )
    if row.exists and not row.indexed then
      findings.add(
        found,
        "warning",
        tenant.database,
        ("table %s has no index on (%s)"):format(index.on, index.columns),
        "pg_indexes",
        {
          mend = remedy.psql(
            tenant.database,
            ("create index concurrently %s on %s (%s)"):format(index.name, index.on, index.columns)
          ),
        }
      )
    end
  end
end

-- ---- cache and queues ----

local INFO <const> = {
  keyspace_hits = "integer?",
  keyspace_misses = "integer?",
  maxmemory = "integer?",
  used_memory = "integer?",
  evicted_keys = "integer?",
}

local REDIS_INFO = 'redis-cli -u "$REDIS_URL" INFO'

local function cache(found, tenant, min_rate)
  local info = json.check(redis.info(), INFO, "Redis: INFO")
  local hits, misses = info.keyspace_hits or 0, info.keyspace_misses or 0
  if hits + misses >= MIN_LOOKUPS and hits / (hits + misses) < min_rate then
    findings.add(
      found,
      "warning",
      "Redis",
      ("the hit rate is only %d %%"):format(hits * 100 // (hits + misses)),
      ("%d hits, %d misses, for all tenants since the server started"):format(hits, misses),
      {
        say = "check that the services' caches are on (spring.cache) and that maxmemory is large enough",
        look = REDIS_INFO,
      }
    )
  end
  if (info.maxmemory or 0) > 0 and (info.used_memory or 0) / info.maxmemory > 0.9 then
    findings.add(
      found,
      "warning",
      "Redis",
      "its memory is nearly full",
      ("%d of %d bytes, %d keys evicted"):format(info.used_memory, info.maxmemory, info.evicted_keys or 0),
      {
        say = "use a larger node, or clear the tenant's cache",
        mend = remedy.run(tenant, "cache-clear", "part=cache", true),
        look = REDIS_INFO,
      }
    )
  end
end

local function queues(found, tenant, max_depth)
  local existing = {}
  for _, queue in ipairs(broker.queues(tenant.id .. ".")) do
    existing[queue.name] = true
    if (queue.depth or 0) > max_depth then
      findings.add(
        found,
        "warning",
        "queue " .. queue.name,
        ("%d messages are waiting"):format(queue.depth),
        ("%d consumers"):format(queue.consumers or 0),
        { say = "check the logs of its consumers, or scale them", look = remedy.run(tenant, "scale", "status=true") }
      )
    end
  end
  for _, name in ipairs(messaging.queues(tenant)) do
    if not existing[name] then
      findings.add(
        found,
        "critical",
        "queue " .. name,
        "is missing",
        "the broker does not have it",
        { mend = remedy.onboard(tenant, "broker.queue " .. name) }
      )
    end
  end
end

--- Runs the checks of this chapter.
---@param found table of findings.new
---@param tenant table
---@param facts table of pods.facts
function M.run(found, tenant, facts)
  local limit = limits(tenant)
  if not facts.maintenance then services(found, tenant, facts, limit) end
  if facts.database then
    local fix = { look = remedy.psql(tenant.database, "select 1") }
    findings.check(found, tenant.database, fix, slow_queries, found, tenant)
    findings.check(found, tenant.database, fix, indexes, found, tenant)
  end
  findings.check(found, "Redis", { look = 'redis-cli -u "$REDIS_URL" PING' }, cache, found, tenant, limit.hits)
  local broker_up = { say = "check O2X_BROKER_URL and that the broker is up" }
  findings.check(found, "broker", broker_up, queues, found, tenant, limit.queue)
end

return M
