local api = require "tests.support.api"
local secret = require "o2x.base.secret"

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

local function open(server) return api("service", { clients = { k8s = server } }) end

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

describe("service.session", function()
  local function server()
    return cluster {
      ["POST /login"] = { status = 200, json = { data = { token = "t-123456789" } } },
      ["GET /x"] = { status = 401, json = {} },
    }
  end

  -- token: where the answer to the login has it
  local function session(service, token)
    return service.session {
      service = "gateway",
      path = "/login",
      json = function() return {} end,
      token = token or "data.token",
    }
  end

  it("logs in at its first use and keeps the token, a secret", function()
    local this = server()
    local login = session((open(this)))
    assert.is_true(secret.is(login.token()))
    assert.equal(login.token(), login.token())
    assert.equal(1, #this.asked)
  end)

  it("forgets a token that is not taken any more", function()
    local this = server()
    local service = open(this)
    local login = session(service)
    service.call { service = "gateway", path = "/x", session = login }
    login.token()
    assert.equal(3, #this.asked)
  end)

  it("says that it cannot log in", function()
    local ok, err = pcall(session((open(server())), "nosuch").token)
    assert.is_false(ok)
    assert.matches("gateway /login", err.message)
  end)
end)
