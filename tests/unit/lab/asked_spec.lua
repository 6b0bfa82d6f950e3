-- Which requests are writes; what PostgreSQL's log says.

local asked = require "lab.asked"
local fs = require "o2x.base.fs"
local statements = require "lab.asked.statements"
local writes = require "lab.asked.writes"

local function request(line, body, headers)
  local method, target = line:match "^(%S+) (%S+)$"
  local path, query = target:match "^([^?]*)%??(.*)$"
  local fields = {}
  for name, value in query:gmatch "([^&=]+)=([^&]*)" do
    fields[name] = value
  end
  return { method = method, target = target, path = path, query = fields, body = body or "", headers = headers or {} }
end

-- service, request, body, whether it is a write
local REQUESTS <const> = {
  { "vault", "GET /v1/secret/data/a", nil, false },
  { "vault", "LIST /v1/secret/metadata/a", nil, false },
  { "vault", "POST /v1/secret/data/a", "{}", true },
  { "vault", "DELETE /v1/secret/data/a", nil, true },
  { "vault", "POST /v1/auth/approle/login", "{}", false },
  { "vault", "POST /v1/auth/token/create", "{}", true },
  { "vault", "POST /v1/auth/token/renew-self", "{}", false },
  { "vault", "POST /v1/sys/capabilities-self", "{}", false },
  { "vault", "PUT /v1/sys/policies/acl/a", "{}", true },
  { "k8s", "GET /api/v1/pods?watch=true", nil, false },
  { "k8s", "PATCH /apis/apps/v1/namespaces/default/deployments/a", "{}", true },
  { "k8s", "PATCH /apis/apps/v1/namespaces/default/deployments/a?dryRun=All", "{}", false },
  { "k8s", "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{}", false },
  { "k8s", "DELETE /api/v1/namespaces/default/secrets/a", nil, true },
  { "k8s", "POST /api/v1/namespaces/default/services/a:80/proxy/api/auth/login", "{}", false },
  { "k8s", "POST /api/v1/namespaces/default/services/a:80/proxy/api/users/create", "{}", true },
  { "k8s", "GET /api/v1/namespaces/default/services/a:80/proxy/actuator/health", nil, false },
  { "ingress", "POST /graphql", [[{"query":"query { getBills { id } }"}]], false },
  { "ingress", "POST /graphql", [[{"query":"mutation { createCustomer { id } }"}]], true },
  { "ingress", "POST /graphql", "no JSON", true },
  { "ingress", "POST /webhooks/stripe", "{}", true },
  { "ingress", "POST /api/stripe/validate", "{}", false },
  { "aws", "POST /", "Action=DescribeDBInstances&Version=1", false },
  { "aws", "POST /", "Action=DeleteDBInstance&Version=1", true },
  { "aws", "GET /2013-04-01/hostedzone", nil, false },
  { "aws", "POST /2013-04-01/hostedzone/Z/rrset/", "<xml/>", true },
  { "aws", "PUT /bucket/key", "x", true },
  { "broker", "POST /api/jolokia", [[{"type":"read"}]], false },
  { "broker", "POST /api/jolokia", [[{"type":"exec","operation":"browse()"}]], false },
  { "broker", "POST /api/jolokia", [[{"type":"exec","operation":"purge()"}]], true },
  { "broker", "POST /api/jolokia", [=[[{"type":"read"},{"type":"exec","operation":"addQueue"}]]=], true },
  { "broker", "GET /api/jolokia/exec/mbean/purge()", nil, true },
  { "broker", "GET /api/message/queue", nil, true },
  { "unknown", "GET /", nil, false },
  { "unknown", "POST /", nil, true },
}

describe("a request", function()
  for _, case in ipairs(REQUESTS) do
    it(("is %s: %s %s"):format(case[4] and "a write" or "a read", case[1], case[2]), function()
      local write, identity = writes.judge(case[1], request(case[2], case[3]))
      assert.equal(case[4], write)
      assert.equal(case[4], identity ~= nil)
    end)
  end

  it("is the same write as one with the same content, or with the same id", function()
    local function identity(body, headers)
      local _, found = writes.judge("vault", request("POST /v1/secret/data/a", body, headers))
      return found
    end
    assert.equal(identity "{}", identity "{}")
    assert.not_equal(identity "{}", identity '{"a":1}')
    assert.equal(identity("{}", { ["idempotency-key"] = "1" }), identity("other", { ["idempotency-key"] = "1" }))
  end)

  it("names its object of Kubernetes, whether it makes, changes or deletes it", function()
    local function object(line, body)
      local _, _, _, found = writes.judge("k8s", request(line, body))
      return found
    end
    local path = "/api/v1/namespaces/default/services"
    assert.equal(path .. "/a", object("POST " .. path, '{"metadata":{"name":"a"}}'))
    assert.equal(path .. "/a", object("PATCH " .. path .. "/a", "{}"))
    assert.equal(path .. "/a", object("DELETE " .. path .. "/a"))
    assert.is_nil(object("POST " .. path, '{"metadata":{"generateName":"a-"}}'))
    assert.is_nil(object("POST " .. path .. "/a/proxy/graphql", '{"query":"mutation { a }"}'))
  end)

  it("is noted with its status", function()
    local list = asked.new()
    asked.wrap(list, "vault", function() return 204 end)(request "DELETE /v1/secret/data/a")
    assert.equal(204, list.list[1].status)
    assert.is_true(list.list[1].write)
    asked.empty(list)
    assert.same({}, list.list)
  end)
end)

describe("PostgreSQL's log", function()
  it("tells statements, writes and what came of them", function()
    local folder = fs.temp_folder()
    local function line(session, text) return ("@lab@%s|1.5|db|me|psql|%s\n"):format(session, text) end
    fs.write(
      fs.join(folder, "log"),
      line("a", "LOG:  statement: insert into x\n\tvalues (1)")
        .. line("b", "LOG:  execute s1: update y set a = $1")
        .. line("b", "DETAIL:  parameters: $1 = '2'")
        .. line("a", "LOG:  duration: 0.1 ms")
        .. line("a", "LOG:  duration: 0.1 ms  statement: select 1")
        .. line("b", "ERROR:  no")
        .. line("b", "STATEMENT:  update y set a = $1")
        .. line("c", "LOG:  statement: delete from z")
    )
    local list = {}
    for i, each in ipairs((statements.read { log = fs.join(folder, "log") })) do
      list[i] = ("%s %s %s %s %s"):format(each.session, each.method, each.write, each.status, each.parameters)
    end
    assert.same({
      "a INSERT true OK nil",
      "b UPDATE true ERROR $1 = '2'",
      "a SELECT false OK nil",
      "c DELETE true nil nil",
    }, list)
    fs.remove_tree(folder)
  end)
end)
