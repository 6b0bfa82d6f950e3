-- The broker of the lab, seen by raw requests as they were recorded from ActiveMQ, and by o2x's client.
local broker = require "o2x.client.broker"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"

local QUEUE <const> = "TIDLT-100008.billing.invoice"

describe("the broker", function()
  local lab, client

  local function case(name, body)
    it(name, function()
      small_lab.with({ "broker" }, nil, function(started)
        lab = started
        client = broker.new {
          url = lab.env.O2X_BROKER_URL,
          user = lab.env.O2X_BROKER_USER,
          password = secret.new(lab.env.O2X_BROKER_PASSWORD, "broker"),
          scope = function() return { "TIDLT-100008." } end,
        }
        body()
      end)
    end)
  end

  local function problem_of(fn, ...)
    local ok, problem = pcall(fn, ...)
    assert.is_false(ok)
    return problem
  end

  case("makes a queue once, and lists it", function()
    assert.is_nil(client:queue(QUEUE))
    assert.same({}, client:queues("TIDLT-100008."))
    client:add_queue(QUEUE)
    client:add_queue(QUEUE)
    assert.same({ { name = QUEUE, depth = 0, consumers = 0 } }, client:queues("TIDLT-100008."))
    assert.equal(QUEUE, client:queue(QUEUE).name)
    client:remove_queue(QUEUE)
    client:remove_queue(QUEUE)
    assert.is_nil(client:queue(QUEUE))
  end)

  case("keeps the tenants apart", function()
    for _, name in ipairs {
      "TIDLT-1000081.billing.invoice",
      "TIDLT-100009.x",
      "TIDLT-100008",
      "TIDLT-100008.a/b",
      "TIDLT-100008.*",
      "TIDLT-100008.a,type=x",
      "",
    } do
      assert.truthy(({ refused = true, input = true })[problem_of(client.add_queue, client, name).kind], name)
    end
    assert.equal("refused", problem_of(client.queues, client, "TIDLT-1000081.").kind)
  end)

  case("says what is wrong", function()
    local wrong = broker.new { url = lab.env.O2X_BROKER_URL, password = secret.new("no", "broker") }
    assert.equal("unauthorised", problem_of(wrong.queue, wrong, QUEUE).kind)
    local nobody = broker.new { url = "http://127.0.0.1:1", password = secret.new("no", "broker") }
    assert.equal("unreachable", problem_of(nobody.queue, nobody, QUEUE).kind)
  end)

  case("answers raw requests as ActiveMQ does", function()
    local function get(path, headers)
      headers = headers or { Origin = "http://localhost" }
      local authorization = "Basic "
        .. (lab.env.O2X_BROKER_USER .. ":" .. secret.new(lab.env.O2X_BROKER_PASSWORD, "p")):base64()
      headers.Authorization = headers.Authorization or authorization
      local response = http.request { url = lab.env.O2X_BROKER_URL .. path, headers = headers }
      return response.status, response.status == 200 and json.decode(response.body) or response.body
    end
    local base = "/api/jolokia/%s/org.apache.activemq:type=Broker,brokerName=localhost"
    local _, answer = get("/api/jolokia/version")
    assert.equal("5.16.7", answer.value.info.version)
    _, answer = get(base:format("exec") .. "/addQueue/" .. QUEUE)
    assert.same({
      mbean = "org.apache.activemq:brokerName=localhost,type=Broker",
      arguments = { QUEUE },
      type = "exec",
      operation = "addQueue",
    }, answer.request)
    assert.equal(200, answer.status)
    _, answer = get(base:format("read") .. "/Queues")
    assert.equal(
      ("org.apache.activemq:brokerName=localhost,destinationName=%s,destinationType=Queue,type=Broker"):format(QUEUE),
      answer.value[1].objectName
    )
    _, answer = get(base:format("read") .. ",destinationType=Queue,destinationName=TIDLT-100008.*/QueueSize")
    assert.same({ QueueSize = 0 }, select(2, next(answer.value)))
    _, answer = get(base:format("read") .. ",destinationType=Queue,destinationName=nosuch/QueueSize")
    assert.equal(404, answer.status)
    assert.equal("javax.management.InstanceNotFoundException", answer.error_type)
    _, answer = get(base:format("read") .. "/BrokerVersion,TotalQueueCount,Uptime")
    assert.equal("javax.management.AttributeNotFoundException : No such attribute: TotalQueueCount", answer.error)
    local sent = http.request {
      method = "POST",
      url = lab.env.O2X_BROKER_URL .. "/api/message/" .. QUEUE .. "?type=queue",
      body = "body=hello",
      headers = {
        Authorization = "Basic "
          .. (lab.env.O2X_BROKER_USER .. ":" .. secret.new(lab.env.O2X_BROKER_PASSWORD, "p")):base64(),
      },
    }
    assert.equal("Message sent", sent.body)
    assert.equal(1, client:queue(QUEUE).depth)
    _, answer = get(base:format("exec") .. ",destinationType=Queue,destinationName=" .. QUEUE .. "/browse()")
    assert.equal("hello", answer.value[1].Text)
    assert.equal(
      json.null,
      select(2, get(base:format("exec") .. ",destinationType=Queue,destinationName=" .. QUEUE .. "/purge")).value
    )
    assert.equal(0, client:queue(QUEUE).depth)
    local status
    status, answer = get("/api/jolokia/version", {})
    assert.equal(200, status)
    assert.equal("java.lang.Exception : Origin null is not allowed to call this agent", answer.error)
    assert.equal(401, (get("/api/jolokia/version", { Authorization = "Basic eDp5" })))
  end)
end)
