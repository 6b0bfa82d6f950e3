local errors = require "o2x.base.error"
local faults = require "lab.faults"
local json = require "o2x.base.json"

local function request(method, target, body)
  return {
    method = method,
    target = target,
    body = body,
    drop = function(self)
      self.taken, self.dropped = true, true
    end,
  }
end

describe("a fault", function()
  local rules, calls, serve

  before_each(function()
    rules, calls = {}, 0
    serve = faults.wrap(rules, "vault", function()
      calls = calls + 1
      return 200, {}, "fine"
    end, function() end)
  end)

  it("answers a status in the simulator's place, as often as was said", function()
    faults.add(rules, "vault", "429", { times = "2" })
    for _ = 1, 2 do
      local status, headers, body = serve(request("GET", "/v1/x"))
      assert.equal(429, status)
      assert.equal("1", headers["Retry-After"])
      assert.equal("TooManyRequests", json.decode(body).reason)
    end
    assert.equal(200, (serve(request("GET", "/v1/x"))))
    assert.equal(1, calls)
  end)

  it("takes only the requests that it matches, by their line or body", function()
    faults.add(rules, "vault", "500", { match = "newclient" })
    assert.equal(200, (serve(request("GET", "/v1/urbanos"))))
    assert.equal(500, (serve(request("POST", "/v1/x", "name=newclient"))))
  end)

  it("leaves other services alone", function()
    faults.add(rules, "k8s", "500", {})
    assert.equal(200, (serve(request("GET", "/"))))
  end)

  it("drops a request before its effect, or after it", function()
    faults.add(rules, "vault", "drop", {})
    local first = request("PUT", "/")
    serve(first)
    assert.is_true(first.dropped)
    assert.equal(0, calls)
    faults.add(rules, "vault", "drop-after", {})
    local second = request("PUT", "/")
    serve(second)
    assert.is_true(second.dropped)
    assert.equal(1, calls)
  end)

  it("is taken back", function()
    faults.add(rules, "vault", "500", { times = "9" })
    faults.clear(rules, "vault")
    assert.equal(200, (serve(request("GET", "/"))))
  end)

  it("speaks XML to AWS's clients", function()
    faults.add(rules, "aws", "429", {})
    local handler = faults.wrap(rules, "aws", function() end, function() end)
    local _, headers, body = handler(request("POST", "/"))
    assert.equal("text/xml", headers["Content-Type"])
    assert.truthy(body:find("<Code>Throttling</Code>", 1, true))
  end)

  it("refuses a number of times that is none", function()
    local ok, problem = pcall(faults.add, rules, "vault", "500", { times = "many" })
    assert.is_false(ok)
    assert.is_true(errors.is(problem))
  end)
end)
