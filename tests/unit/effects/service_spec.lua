local api = require "tests.support.api"
local raised = require "tests.support.raised"
local value = require "o2x.base.value"

-- A service behind the cluster's proxy: "METHOD path" → answer, or a function that gives one
local function cluster(answers)
  local self = { asked = {} }
  function self.request(_, service, port, o)
    local line = ("%s %s:%s%s"):format(o.method, service, port, o.path)
    table.insert(self.asked, { line = line, headers = o.headers, json = o.json })
    local answer = answers[o.method .. " " .. o.path]
    if type(answer) == "function" then answer = answer(o) end
    return answer or { status = 404, json = { message = "not found" } }
  end
  return self
end

local SCOPE <const> = { graphql = { "/graphql" } }

local function open(server) return api("service", { clients = { k8s = server }, scope = SCOPE }) end

local BILL <const> = {
  name = "bill profile",
  service = "billing",
  find = { service = "billing", path = "/bills" },
  found = "data.list.1.id",
  create = { service = "billing", path = "/bills", method = "POST", json = { name = "x" } },
}

describe("service.ensure", function()
  it("creates what one request does not find by another", function()
    local there = {}
    local server = cluster {
      ["GET /bills"] = function() return { status = 200, json = { data = { list = there } } } end,
      ["POST /bills"] = function()
        there[1] = { id = 7 }
        return { status = 201, json = {} }
      end,
    }
    local service, ctx = open(server)
    assert.equal(7, service.ensure(BILL))
    assert.equal(7, service.ensure(BILL))
    assert.same({ "created billing: bill profile", "unchanged billing: bill profile" }, ctx.done)
    assert.equal("GET billing:8080/bills", server.asked[1].line)
  end)

  it("does not take errors in the answer for success", function()
    local server = cluster {
      ["GET /bills"] = { status = 200, json = { data = { list = {} } } },
      ["POST /bills"] = { status = 200, json = { errors = { { message = "no such plan" } } } },
    }
    local ok, err = pcall(open(server).ensure, BILL)
    assert.is_false(ok)
    assert.matches("no such plan", err.message)
  end)

  it("says what should have come by itself and did not", function()
    local server = cluster { ["GET /bills"] = { status = 200, json = {} } }
    local ok, err = pcall(open(server).ensure, { name = "x", service = "billing", find = BILL.find, found = "id" })
    assert.is_false(ok)
    assert.matches("^x does not exist", err.message)
  end)
end)

describe("service.call", function()
  it("only reads", function()
    local server = cluster {}
    local service = open(server)
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE", "get", "GET ", "GET\r\nX", "TRACE" } do
      local e = raised(service.call, { service = "billing", path = "/x", method = method })
      assert.equal("refused", e.kind)
      assert.matches("service.send", e.hint)
    end
    assert.same({}, server.asked)
  end)

  it(
    "gives the answer, whatever its status",
    function() assert.equal(404, open(cluster {}).call({ service = "billing", path = "/x" }).status) end
  )

  it("by a URL goes to granted hosts only, and only by https", function()
    local service = api("service", { scope = { http = { "acme.example.com" } } })
    for url, kind in pairs { ["https://other.example.com"] = "refused", ["http://acme.example.com"] = "input" } do
      local ok, err = pcall(service.call, { url = url })
      assert.is_false(ok)
      assert.equal(kind, err.kind)
    end
  end)
end)

describe("service.test", function()
  local answers = { ["POST /test"] = { status = 401, json = { message = "no" } } }

  it("sends a POST and gives the answer, and says so", function()
    local server = cluster(answers)
    local service, ctx = open(server)
    assert.equal(401, service.test({ service = "gateway", path = "/test", json = {} }).status)
    assert.same({ "test: POST gateway /test" }, ctx.announced)
  end)

  it("sends nothing in a plan", function()
    local server = cluster(answers)
    local service = api("service", { clients = { k8s = server }, mode = "plan" })
    assert.equal("when_applied", raised(service.test, { service = "gateway", path = "/test" }).code)
    assert.same({}, server.asked)
  end)
end)

describe("service.query", function()
  it("sends a query, and nothing else", function()
    local server = cluster { ["POST /graphql"] = { status = 200, json = { data = { a = 1 } } } }
    local service = open(server)
    local given = { service = "proxy", path = "/graphql", query = "{ a }" }
    assert.equal(1, service.query(given).json.data.a)
    assert.same({ query = "{ a }" }, server.asked[1].json)
    given.query = "mutation { a }"
    assert.equal("refused", raised(service.query, given).kind)
    assert.equal(1, #server.asked)
  end)

  it("goes only where GraphQL is served: it is a POST, which would be an effect elsewhere", function()
    local server = cluster {}
    local service = open(server)
    for _, path in ipairs {
      "/",
      "/api/users/create",
      "/api/auth/login",
      "/graphql/../api/users",
      "/graphql/",
      "/graphql?query=mutation%7Ba%7D",
      "/Graphql",
      "/graphql;x",
      "/api/graphql",
    } do
      local e = raised(service.query, { service = "proxy", path = path, query = "{ a }" })
      assert.is_true(e.kind == "refused" or e.kind == "input", path)
    end
    assert.equal("refused", raised(service.query, { service = "proxy", query = "{ a }" }).kind)
    assert.same({}, server.asked)
  end)
end)

describe("in a plan", function()
  it("what needs a login is listed, not looked for", function()
    local server = cluster {}
    local service, ctx = api("service", { clients = { k8s = server }, mode = "plan" })
    local login = service.session { service = "sso", path = "/login", token = "t", json = {} }
    local found = service.ensure {
      name = "bill",
      service = "billing",
      find = { service = "billing", path = "/bills", session = login },
      found = "id",
    }
    assert.is_true(value.is_unknown(found))
    assert.same({ "billing: bill" }, ctx.later)
    assert.same({}, server.asked)
  end)
end)
