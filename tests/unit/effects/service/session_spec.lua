local api = require "tests.support.api"
local raised = require "tests.support.raised"
local requests = require "o2x.effects.service.requests"
local secret = require "o2x.base.secret"

-- A service whose login answers what `answer` gives, and that notes what came.
local function cluster(answer)
  local self = { logins = 0, headers = {} }
  function self.request(_, _, _, o)
    if o.path ~= "/login" then
      table.insert(self.headers, o.headers.authorization)
      return { status = self.refuses and 401 or 200, json = {} }
    end
    self.logins = self.logins + 1
    return answer(o)
  end
  return self
end

local function good() return { status = 200, json = { data = { token = "t-123456789" } } } end

local function open(server, mode)
  local service, ctx = api("service", { clients = { k8s = server }, mode = mode })
  local function session(o)
    local options = { service = "sso", path = "/login", token = "data.token", json = { username = "a" } }
    for name, value in pairs(o or {}) do
      options[name] = value
    end
    return service.session(options)
  end
  return service, session, ctx
end

describe("a session", function()
  it("logs in at its first use, once", function()
    local server = cluster(good)
    local service, session, ctx = open(server)
    local one = session()
    assert.equal(0, server.logins)
    service.call { service = "gateway", path = "/x", session = one }
    service.call { service = "gateway", path = "/x", session = one }
    one.login()
    assert.equal(1, server.logins)
    assert.is_true(secret.is(server.headers[1]))
    assert.same({ "log in: POST sso /login" }, ctx.announced)
  end)

  it("keeps its token to itself", function()
    local _, session = open(cluster(good))
    local one = session()
    one.login()
    assert.is_nil(one.token)
    assert.is_nil(next(one))
    assert.is_false(getmetatable(one))
    assert.has_error(function() one.token = 1 end)
  end)

  it("leads from a request to nothing but functions: each request is searched for secrets", function()
    local _, session, ctx = open(cluster(good))
    local request = requests.check(ctx, { service = "gateway", path = "/x", session = session() }, "call")
    for name, field in pairs(request.session) do
      assert.equal("function", type(field), name)
    end
  end)

  it("forgets a token that is not taken any more", function()
    local server = cluster(good)
    local service, session = open(server)
    local one = session()
    server.refuses = true
    service.call { service = "gateway", path = "/x", session = one }
    service.call { service = "gateway", path = "/x", session = one }
    assert.equal(2, server.logins)
  end)

  it("that is refused is not tried again", function()
    local server = cluster(function() return { status = 401, json = { message = "Bad credentials" } } end)
    local service, session = open(server)
    local one = session()
    for _ = 1, 5 do
      assert.equal("unauthorised", raised(one.login).kind)
      raised(service.call, { service = "gateway", path = "/x", session = one })
    end
    assert.matches("sso /login answered 401: Bad credentials", raised(one.login).message)
    assert.equal(1, server.logins)
  end)

  it("fails where the answer has no token", function()
    for _, json in ipairs { {}, { data = {} }, { data = { token = 7 } }, { data = "x" } } do
      local _, session = open(cluster(function() return { status = 200, json = json } end))
      assert.matches("sso /login", raised(session().login).message)
    end
  end)

  it("is not opened in a plan", function()
    local server = cluster(good)
    local service, session = open(server, "plan")
    local one = session()
    assert.equal("when_applied", raised(one.login).code)
    assert.equal("when_applied", raised(service.call, { service = "gateway", path = "/x", session = one }).code)
    assert.equal(0, server.logins + #server.headers)
  end)

  it("is asked for plainly", function()
    local _, session = open(cluster(good))
    for _, o in ipairs { { token = 7 }, { method = "GET" }, { path = "/../x" }, { service = 1 }, { extra = 1 } } do
      assert.equal("input", raised(session, o).kind)
    end
  end)
end)
