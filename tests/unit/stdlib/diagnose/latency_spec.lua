local chapters = require "tests.support.chapters"

describe("stdlib.diagnose.latency", function()
  local HEALTHY = { status = 200, json = { status = "UP" } }

  -- urbanos with service-billing only. metrics: its Prometheus text; facts: those of the chapter
  local function run(options, facts)
    facts = facts or {}
    facts.deployments = {
      ["urbanos-service-billing"] = {
        spec = { replicas = options.replicas or 2 },
        status = { readyReplicas = options.ready or 2 },
      },
    }
    local queues = {}
    for i, name in ipairs(options.queues or chapters.tenant.platform.broker.queues) do
      queues[i] = { name = "TIDLT-100005." .. name, depth = options.depth, consumers = 1 }
    end
    return chapters.run("latency", {
      k8s = {
        request = function(_, _, request)
          if request.path == "/actuator/health" then return options.health or HEALTHY end
          return { status = 200, body = options.metrics or "" }
        end,
      },
      redis = { info = function() return options.redis or {} end },
      broker = { queues = function() return queues end },
      pg = {
        tenant = {
          one = function(sql)
            if sql:find "pg_extension" then return options.slow and { found = 1 } or nil end
            return { exists = true, indexed = options.indexed ~= false }
          end,
          rows = function() return options.slow or {} end,
        },
      },
    }, facts)
  end

  -- Prometheus' text with these values.
  local function metrics(values)
    local lines = {}
    for name, value in pairs(values) do
      lines[#lines + 1] = ('%s{service="x"} %g'):format(name, value)
    end
    return table.concat(lines, "\n")
  end

  it("finds nothing for a healthy tenant", function() assert.same({}, run({}, { database = true })) end)

  it("finds an exhausted connection pool", function()
    local found, rows = run { metrics = metrics { hikaricp_connections_active = 10, hikaricp_connections_max = 10 } }
    assert.same({ "critical service-billing: the database connection pool is exhausted" }, found)
    assert.equal("10 of 10 connections active, 0 requests waiting", rows[1].evidence)
  end)

  it(
    "finds requests that wait for a connection",
    function() assert.equal(1, #run { metrics = metrics { hikaricp_connections_pending = 2 } }) end
  )

  it("adds up the series of a metric", function()
    local text = 'hikaricp_connections_active{pool="a"} 5\nhikaricp_connections_active{pool="b"} 5\n'
    local found, rows = run { metrics = text .. 'hikaricp_connections_max{pool="a"} 10' }
    assert.equal(1, #found)
    assert.matches("10 of 10", rows[1].evidence)
  end)

  it("finds slow responses and suggests to scale", function()
    local found, rows = run {
      metrics = metrics { http_server_requests_seconds_count = 100, http_server_requests_seconds_sum = 600 },
    }
    assert.same({ "warning service-billing: responds after 6.0 s on average" }, found)
    assert.equal("o2x run scale urbanos service=service-billing replicas=3 --confirm=urbanos", rows[1].fix)
  end)

  it("finds server errors", function()
    local text = 'http_server_requests_seconds_count{status="200"} 80\n'
      .. 'http_server_requests_seconds_count{status="503"} 20\n'
    assert.same({ "critical service-billing: 20 % of its responses are errors (5xx)" }, run { metrics = text })
  end)

  it("finds bad health and names the components", function()
    local components = { db = { status = "UP" }, redis = { status = "DOWN" }, s3 = { status = "DOWN" } }
    local found, rows = run { health = { status = 503, json = { status = "DOWN", components = components } } }
    assert.same({ "critical service-billing: reports that it is not healthy" }, found)
    assert.equal("DOWN: redis, s3", rows[1].evidence)
  end)

  it("does not ask a service that is not running, nor during maintenance", function()
    local _, _, std = run { ready = 0 }
    assert.same({}, std.called "k8s.request")
    _, _, std = run({}, { maintenance = {} })
    assert.same({}, std.called "k8s.request")
  end)

  it("finds slow queries", function()
    local found, rows = run({ slow = { { mean = 2000, calls = 7, query = "select 1" } } }, { database = true })
    assert.same({ "warning coredb-urbanos: a slow query: 2000 ms on average, 7 calls" }, found)
    assert.equal("select 1", rows[1].evidence)
  end)

  it("finds missing indexes", function()
    local found = run({ indexed = false }, { database = true })
    assert.equal(4, #found)
    assert.equal("warning coredb-urbanos: table account has no index on (tenant_id, email)", found[1])
  end)

  it("finds a low hit rate", function()
    local found = run { redis = { keyspace_hits = 100, keyspace_misses = 900 } }
    assert.same({ "warning Redis: the hit rate is only 10 %" }, found)
  end)

  it(
    "does not judge a hit rate of few lookups",
    function() assert.same({}, run { redis = { keyspace_hits = 1, keyspace_misses = 900 } }) end
  )

  it("finds a Redis whose memory is nearly full", function()
    local found = run { redis = { maxmemory = 100, used_memory = 95 } }
    assert.same({ "warning Redis: its memory is nearly full" }, found)
  end)

  it("finds queues above the threshold", function()
    local found = run { depth = chapters.tenant.platform.monitoring.thresholds.queue_depth.above + 1 }
    assert.equal(#chapters.tenant.platform.broker.queues, #found)
    assert.matches("^warning queue TIDLT%-100005%..*: %d+ messages are waiting$", found[1])
  end)

  it("finds missing queues", function()
    local found = run { queues = {} }
    assert.equal(#chapters.tenant.platform.broker.queues, #found)
    assert.matches("^critical queue TIDLT%-100005%..*: is missing$", found[1])
  end)
end)
