-- A service that answered with a list, a number or null where the checks expect a map, or a metric without bounds, was
-- an error of Lua inside the library. Each is one line, or a finding.

local chapters = require "tests.support.chapters"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local stdlib = require "tests.support.stdlib"

-- Decoded answers; nil stands for HTML.
local BODIES <const> = {
  false,
  "[]",
  "[1]",
  "[null]",
  "{}",
  "7",
  "true",
  '"text"',
  '{"status":null}',
  '{"status":7}',
  '{"status":[]}',
  '{"status":{}}',
  '{"components":7}',
  '{"components":["a"]}',
  '{"components":{"db":7}}',
  '{"components":{"db":null}}',
  '{"message":{}}',
  '{"data":null}',
  '{"data":7}',
  '{"data":[]}',
  '{"data":{}}',
  '{"data":{"FIELD":null}}',
  '{"data":{"FIELD":7}}',
  '{"data":{"FIELD":"x"}}',
  '{"data":{"FIELD":[7]}}',
  '{"data":{"FIELD":[null]}}',
  '{"data":{"FIELD":[[]]}}',
  '{"data":{"FIELD":{"id":{}}}}',
  '{"data":{"FIELD":[{"id":{}}]}}',
  '{"data":{"FIELD":{"tenantId":7}}}',
  '{"errors":7}',
  '{"errors":"x"}',
  '{"errors":[7]}',
  '{"errors":[null]}',
  '{"errors":[{}]}',
  '{"errors":[{"message":{}}]}',
  '{"errors":{"message":"x"}}',
  '{"errors":[]}',
}

local METRICS <const> = {
  "",
  "<html>{a=b} 7</html>",
  "[]",
  "x{} 1e999",
  'hikaricp_connections_active{a="b"} 1e999\nhikaricp_connections_max{a="b"} 1e999',
  'hikaricp_connections_pending{a="b"} 1e300',
  'hikaricp_connections_active{a="b"} 1.5\nhikaricp_connections_max{a="b"} 1.5',
  'http_server_requests_seconds_count{a="b"} 1e-300\nhttp_server_requests_seconds_sum{a="b"} 1e300',
  'http_server_requests_seconds_count{status="500"} 1e999',
  'http_server_requests_seconds_count{status="500"} -1',
  'http_server_requests_seconds_count{status="500"} +-..eE',
  'http_server_requests_seconds_count{status="500" 1',
  ("{"):rep(10000),
}

local REDIS <const> = {
  { keyspace_hits = "x" },
  { keyspace_hits = {}, keyspace_misses = 1 },
  { keyspace_hits = 0 / 0, keyspace_misses = 2000 },
  { maxmemory = 100 },
  { maxmemory = "100", used_memory = 100 },
}

local function is_line_of_lua(text)
  return text:find "attempt to" or text:find "bad argument" or text:find "has no integer representation"
end

describe("an odd answer of a service", function()
  local tenant = stdlib.tenant "newclient"

  -- Checks of the smoke test, with this body for one of the queries.
  local function smoke(body, field)
    local data = {
      getTenantConfig = { tenantId = "TIDLT-100008" },
      getCustomer = { id = "C1" },
      getOrder = { id = "O1" },
      getBills = { { id = "B1" } },
      getInvoices = { { id = "I1" } },
      getPaymentHistory = { { id = "P1" } },
      getReportData = { id = "R1" },
    }
    local queues = {}
    for i, name in ipairs(tenant.platform.broker.queues) do
      queues[i] = { name = "TIDLT-100008." .. name }
    end
    local std = stdlib.new {
      service = {
        call = function() return { status = 200, body = "%PDF-1.7" } end,
        query = function(request)
          local odd = request.query:find(field, 1, true)
          return { status = 200, json = not odd and { data = data } or body and json.decode(body) or nil }
        end,
        test = function() return { status = 200 } end,
        session = function()
          return { login = function() end }
        end,
      },
      broker = { queues = function() return queues end },
      vault = { read = function() return {} end },
      k8s = {
        list = function() return {} end,
        request = function() return { status = 200, json = { status = "UP" } } end,
      },
      pg = { tenant = { row = function() return { id = "TIDLT-100008" } end } },
    }
    return xpcall(std.require("smoke").checklist, errors.handler, tenant)
  end

  for _, field in ipairs { "getTenantConfig", "getCustomer", "getOrder", "getBills", "getInvoices", "getReportData" } do
    it("fails a check of the smoke test with one line: " .. field, function()
      for _, body in ipairs(BODIES) do
        local text = body and body:gsub("FIELD", field)
        local ok, err = smoke(text, field)
        assert.is_false(ok, tostring(text))
        assert.equal("failed", err.kind, tostring(text) .. "\n" .. tostring(err))
        assert.is_nil(is_line_of_lua(tostring(err)), tostring(text) .. "\n" .. tostring(err))
        assert.is_nil(tostring(err):find "\n")
      end
    end)
  end

  it("is the health of no service that is up", function()
    for _, body in ipairs(BODIES) do
      local std = stdlib.new {
        k8s = { request = function() return { status = 200, json = body and json.decode(body) or nil } end },
      }
      local ok, err = xpcall(std.require("deploy").healthy, errors.handler, tenant, "service-sso")
      assert.is_false(ok, tostring(body))
      assert.equal("failed", err.kind, tostring(body) .. "\n" .. tostring(err))
      assert.matches("newclient%-service%-sso reports HTTP 200 without a status", tostring(err))
    end
  end)

  -- The findings of diagnose's chapter on latency. None may be an error of Lua.
  local function latency(options)
    local found, rows = chapters.run("latency", {
      k8s = {
        request = function(_, _, request)
          local body = request.path == "/actuator/health" and options.health
          if request.path == "/actuator/health" then
            return { status = 200, json = body and json.decode(body) or nil, body = body or "<html>" }
          end
          return { status = 200, body = options.metrics or "" }
        end,
      },
      redis = { info = function() return options.redis or {} end },
      broker = { queues = function() return {} end },
    }, { deployments = { ["urbanos-service-billing"] = { spec = {}, status = { readyReplicas = 2 } } } })
    for i, text in ipairs(found) do
      local shown = ("%s: %s"):format(text, tostring(rows[i].evidence))
      assert.is_nil(is_line_of_lua(shown), shown)
    end
  end

  it("is a finding of diagnose", function()
    for _, body in ipairs(BODIES) do
      latency { health = body }
    end
    for _, text in ipairs(METRICS) do
      latency { health = '{"status":"UP"}', metrics = text }
    end
    for _, info in ipairs(REDIS) do
      latency { health = '{"status":"UP"}', redis = info }
    end
  end)
end)
