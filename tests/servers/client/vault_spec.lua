local defer = require "o2x.base.defer"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local server = require "tests.support.vault"
local task = require "o2x.base.task"
local tls = require "tests.support.tls"
local vault = require "o2x.client.vault"

local PATH <const> = "tenant/newclient/quickbooks"

local function client(v, options)
  options = options or {}
  options.addr = v.addr
  local logs_in = options.role_id or options.kubernetes_role
  if not logs_in and not options.token then options.token = secret.new(v.root, "root") end
  return vault.new(options)
end

local function is(expected, value) assert.is_true(secret.is(value) and secret.equal(value, expected), expected) end

local function count(v, pattern)
  local n = 0
  for _, line in ipairs(v.requests) do
    n = n + (line:find(pattern) and 1 or 0)
  end
  return n
end

describe("a Vault client", function()
  it("writes, reads, lists, patches, deletes and undeletes", function()
    local v <close> = server.start()
    local c = client(v)
    local fields, version = c:read(PATH)
    assert.same({ nil, 0 }, { fields, version })
    assert.equal(1, c:put(PATH, { id = "abc-123", key = secret.new("s3cret", "key") }, { cas = 0 }))
    fields, version = c:read(PATH)
    assert.equal(1, version)
    is("abc-123", fields.id)
    is("s3cret", fields.key)
    assert.equal("‹secret tenant/newclient/quickbooks/key›", tostring(fields.key))
    assert.equal(2, c:patch(PATH, { key = "other", id = json.null }))
    fields = c:read(PATH)
    assert.is_nil(fields.id)
    is("abc-123", c:read(PATH, 1).id)
    assert.same({ "quickbooks" }, c:list "tenant/newclient")
    assert.same({}, c:list "tenant/nobody")
    c:delete(PATH)
    local gone, last, metadata = c:read(PATH)
    assert.same({ nil, 2, "string" }, { gone, last, type(metadata.deletion_time) })
    c:undelete(PATH, { 2 })
    is("other", c:read(PATH).key)
    c:delete "tenant/newclient/nothing"
  end)

  it("keeps values that are no text, and odd ones", function()
    local v <close> = server.start()
    local c = client(v)
    c:put(PATH, { number = 5, list = { "element-1" }, deep = { a = "deep-value" }, odd = 'q"\\\n✓ \u{1F600}' })
    local fields = c:read(PATH)
    is("5", fields.number)
    c:put(PATH, fields)
    assert.equal(5, select(2, v.ask("GET", "secret/data/" .. PATH)).data.data.number)
    is("element-1", fields.list[1])
    is("deep-value", fields.deep.a)
    is('q"\\\n✓ \u{1F600}', fields.odd)
  end)

  it("writes only over what it knows", function()
    local v <close> = server.start()
    local c = client(v)
    c:put(PATH, { a = "1" })
    local problem = raised(c.put, c, PATH, { a = "2" }, { cas = 0 })
    assert.same({ "conflict", 400 }, { problem.kind, problem.code })
    assert.equal(2, c:put(PATH, { a = "2" }, { cas = 1 }))
  end)

  it("sends no path but a plain one, and none outside its grants", function()
    local v <close> = server.start()
    local c = client(v, { scope = { "tenant/newclient/" } })
    local bad = {
      "tenant/newclient/../urbanos/x",
      "tenant/newclient//x",
      "tenant/newclient/%2e%2e/x",
      "tenant/newclient/x/",
      "/tenant/newclient/x",
      "tenant/newclient/x?version=1",
      "tenant/newclient/a\0b",
      "tenant/newclient/a\nb",
      "",
      "tenant/newclient",
      "tenant/newclient-sbx/x",
      "tenant/urbanos/x",
      "tenant/newclient/./x",
      "tenant/newclient/x.",
    }
    for _, path in ipairs(bad) do
      for _, method in ipairs { "read", "put", "patch", "delete" } do
        assert.equal("refused", raised(c[method], c, path, {}).kind, path)
      end
    end
    assert.equal("refused", raised(c.list, c, "tenant/newclient-sbx").kind)
    assert.equal("refused", raised(c.list, c, "tenant").kind)
    assert.equal("refused", raised(client(v).read, client(v), "a/../b").kind)
    assert.same({}, v.requests)
    c:put("tenant/newclient/with space+ü", { a = "value-1" })
    is("value-1", c:read "tenant/newclient/with space+ü".a)
    assert.same({ "with space+ü" }, c:list "tenant/newclient")
  end)

  it("says what it lacks", function()
    local v <close> = server.start()
    local c = vault.new { addr = v.addr }
    local problem = raised(c.read, c, PATH)
    assert.same({ "unauthorised", "no Vault token" }, { problem.kind, problem.message })
    assert.equal("input", raised(vault.new, { addr = "vault:8200" }).kind)
  end)

  it("hands warnings on and sends its namespace", function()
    local v <close> = server.start()
    local heard, namespace = {}, nil
    v.intercept = function(req)
      namespace = req.headers["x-vault-namespace"]
      if not req.path:find "/data/" then return end
      return 200,
        {},
        json.encode { data = { data = { a = "b" }, metadata = { version = 1 } }, warnings = { "old engine" } }
    end
    local c = client(v, { namespace = "team-a", warn = function(text) heard[#heard + 1] = text end })
    c:read(PATH)
    assert.same({ "secret/data/" .. PATH .. ": old engine" }, heard)
    assert.equal("team-a", namespace)
  end)
end)

describe("a Vault token", function()
  local function approle(v, ttl)
    v.ask(
      "PUT",
      "sys/policies/acl/newclient",
      { policy = [[path "secret/data/tenant/newclient/*" {
      capabilities = ["create", "update", "read"] }]] }
    )
    v.ask("POST", "sys/auth/approle", { type = "approle" })
    v.ask("PUT", "auth/approle/role/newclient", { token_policies = "newclient", token_ttl = ttl or "1h" })
    local _, id = v.ask("GET", "auth/approle/role/newclient/role-id")
    local _, key = v.ask("PUT", "auth/approle/role/newclient/secret-id")
    v.requests = {}
    return { role_id = id.data.role_id, secret_id = secret.new(key.data.secret_id, "secret_id") }
  end

  it("is got by AppRole, once for all tasks, and revoked at the end", function()
    local v <close> = server.start()
    local c = client(v, approle(v))
    task.each({ 1, 2, 3, 4 }, function(i) c:put("tenant/newclient/s" .. i, { a = "v" .. i }) end)
    assert.equal(1, count(v, "login"))
    c:close()
    assert.equal(1, count(v, "revoke%-self"))
    c:close()
    assert.equal(1, count(v, "revoke%-self"))
  end)

  it("is got by a Kubernetes service account", function()
    local v <close> = server.start()
    v.ask("POST", "sys/auth/kubernetes", { type = "kubernetes" })
    v.ask("PUT", "auth/kubernetes/role/o2x", {
      bound_service_account_names = "o2x",
      bound_service_account_namespaces = "ops",
      token_policies = "root",
      ttl = "10m",
    })
    local crypto = require "o2x.base.crypto"
    local function jwt(sub)
      local claims = crypto.base64(json.encode { sub = sub }):gsub("=", "")
      return secret.new("e30." .. claims .. ".c2ln", "jwt")
    end
    local c = client(v, { kubernetes_role = "o2x", jwt = jwt "system:serviceaccount:ops:o2x" })
    assert.is_nil((c:read(PATH)))
    local other = client(v, { kubernetes_role = "o2x", jwt = jwt "system:serviceaccount:dev:o2x" })
    assert.equal("unauthorised", raised(other.read, other, PATH).kind)
  end)

  it("that logs in wrongly says so", function()
    local v <close> = server.start()
    local credentials = approle(v)
    credentials.secret_id = secret.new("wrong-one", "secret_id")
    local c = client(v, credentials)
    local problem = raised(c.read, c, PATH)
    assert.equal("unauthorised", problem.kind)
    assert.matches("invalid role or secret ID", problem.message)
  end)

  it("that expires is replaced once, and the request sent again", function()
    local v <close> = server.start()
    local c = client(v, approle(v))
    c:put(PATH, { a = "value" })
    v.now = v.now + 7200
    is("value", c:read(PATH).a)
    assert.equal(2, count(v, "login"))
  end)

  it("is renewed when two thirds of its time are over", function()
    local v <close> = server.start()
    local c = client(v, approle(v, "3600"))
    c:put(PATH, { a = "value" })
    assert.equal(0, count(v, "renew%-self"))
    local now = task.now
    local _restore <close> = defer(function() task.now = now end)
    task.now = function() return now() + 2401 end
    c:read(PATH)
    assert.equal(1, count(v, "renew%-self"))
    assert.equal(1, count(v, "login"))
  end)

  it("that was given and has died is told apart from one that may not", function()
    local v <close> = server.start()
    local _, made = v.ask("POST", "auth/token/create", { policies = { "nothing" }, ttl = "1h" })
    local c = client(v, { token = secret.new(made.auth.client_token, "token") })
    local problem = raised(c.read, c, PATH)
    assert.same({ "unauthorised", 403 }, { problem.kind, problem.code })
    assert.matches("policies do not allow", problem.message)
    v.now = v.now + 7200
    problem = raised(c.read, c, PATH)
    assert.matches("expired or was revoked", problem.message)
    assert.matches("VAULT_TOKEN", problem.hint)
    v.fault "token-expired"
    local root = client(v)
    assert.matches("expired or was revoked", raised(root.read, root, PATH).message)
    v.fault "off"
    assert.is_nil((root:read(PATH)))
  end)
end)

describe("what Vault answers in trouble", function()
  -- status and body of the next answers below secret/ → error fields of a read and of a write
  local cases = {
    { "sealed", 503, '{"errors":["Vault is sealed"]}', "unreachable", true, "Vault is sealed" },
    { "not initialised", 501, "", "unreachable", true, "not initialised" },
    { "standby", 473, "", "unreachable", true, "standby" },
    { "behind", 412, "", "unreachable", true, "earlier write" },
    { "rate limit", 429, '{"errors":["quota"]}', "unreachable", true, "rate limit" },
    { "redirect", 307, "<a href>", "unreachable", false, "redirected to https://evil.example/" },
    { "bad request", 400, '{"errors":["no data provided"]}', "failed", nil, "no data provided" },
    { "internal", 500, '{"errors":["internal error"]}', "unreachable", true, "status 500: internal error", "unknown" },
    { "gateway", 502, "<html>Bad Gateway</html>", "unreachable", true, "status 502", "unknown" },
    { "garbage", 200, "<html>Welcome</html>", "failed", nil, "not JSON", "unknown" },
  }
  for _, case in ipairs(cases) do
    it("is understood: " .. case[1], function()
      local v <close> = server.start()
      local c = client(v)
      v.intercept = function(req)
        if not req.path:find "^/v1/secret/" then return end
        return case[2], { Location = "https://evil.example/", ["Retry-After"] = "3" }, case[3]
      end
      local problem = raised(c.read, c, PATH)
      assert.same({ case[4], case[5], case[2] }, { problem.kind, problem.retryable, problem.code })
      assert.is_truthy(problem.message:find(case[6], 1, true), problem.message)
      assert.equal(3, problem.retry_after)
      problem = raised(c.put, c, PATH, { a = "b" })
      assert.equal(case[7] or case[4], problem.kind)
      if problem.kind == "unknown" then assert.is_false(problem.retryable or false) end
      assert.equal(2, count(v, "/secret/")) -- nothing is sent again, nobody is followed
    end)
  end

  it("is known for what it is when the answer is lost", function()
    local v <close> = server.start()
    local c = client(v)
    c:read(PATH)
    v.intercept = function(req, handler)
      handler(req)
      req:drop()
    end
    assert.equal("unknown", raised(c.put, c, PATH, { a = "value" }).kind)
    v.intercept = nil
    is("value", c:read(PATH).a)
    v.intercept = function(req) req:drop() end
    local problem = raised(c.read, c, PATH)
    assert.same({ "unreachable", true }, { problem.kind, problem.retryable })
  end)

  it("is sealed, in the simulator's own words", function()
    local v <close> = server.start()
    local c = client(v)
    v.ask("PUT", "sys/seal")
    assert.matches("Vault is sealed", raised(c.read, c, PATH).message)
    assert.is_true(c:health().sealed)
    assert.equal(200, v.ask("PUT", "sys/unseal", { key = v.state.key }))
    assert.is_nil((c:read(PATH)))
  end)

  it("comes over TLS that is verified", function()
    local certs = tls.make()
    local v <close> = server.start { tls = certs.good }
    assert.is_nil((client(v, { ca = certs.ca }):read(PATH)))
    local stranger = client(v)
    local problem = raised(stranger.read, stranger, PATH)
    assert.same({ "unreachable", "tls" }, { problem.kind, problem.code })
  end)
end)

describe("the Vault simulator", function()
  it("keeps everything in its state", function()
    local state
    do
      local v <close> = server.start()
      client(v):put(PATH, { a = "value" })
      v.ask("PUT", "sys/policies/acl/p", { policy = 'path "x" { capabilities = ["read"] }' })
      state = json.decode(json.encode(v.state))
    end
    local v <close> = server.start { state = state }
    is("value", client(v):read(PATH).a)
    assert.equal(2, client(v):put(PATH, { a = "other" }, { cas = 1 }))
    assert.equal(200, (v.ask("GET", "sys/policies/acl/p")))
  end)

  it("keeps ten versions, or as many as it is told", function()
    local v <close> = server.start()
    local c = client(v)
    for i = 1, 12 do
      c:put(PATH, { a = "v" .. i })
    end
    assert.is_nil((c:read(PATH, 2)))
    is("v3", c:read(PATH, 3).a)
    v.ask("PUT", "secret/metadata/" .. PATH, { max_versions = 2 })
    c:put(PATH, { a = "v13" })
    assert.is_nil((c:read(PATH, 11)))
    is("v12", c:read(PATH, 12).a)
  end)

  it("asks for check-and-set where it is required", function()
    local v <close> = server.start()
    v.ask("PUT", "secret/metadata/" .. PATH, { cas_required = true })
    assert.equal(400, (v.ask("PUT", "secret/data/" .. PATH, { data = { a = "b" } })))
    assert.equal(200, (v.ask("PUT", "secret/data/" .. PATH, { data = { a = "b" }, options = { cas = 0 } })))
  end)

  it("limits what a policy limits", function()
    local v <close> = server.start()
    v.ask("PUT", "sys/policies/acl/one", {
      policy = [[
      path "secret/data/a/*" { capabilities = ["create", "read"] }
      path "secret/data/a/no" { capabilities = ["deny"] }
      path "secret/metadata/a/" { capabilities = ["list"] }
      path "secret/data/+/shared" { capabilities = ["read"] }]],
    })
    local _, made = v.ask("POST", "auth/token/create", { policies = { "one" } })
    local token = made.auth.client_token
    local function status(method, path, body) return (v.ask(method, path, body, token)) end
    assert.equal(200, status("PUT", "secret/data/a/x", { data = { k = "v" } }))
    assert.equal(403, status("PUT", "secret/data/a/x", { data = { k = "v2" } })) -- create is not update
    assert.equal(200, status("GET", "secret/data/a/x"))
    assert.equal(403, status("GET", "secret/data/a/no"))
    assert.equal(403, status("GET", "secret/data/b/x"))
    assert.equal(404, status("GET", "secret/data/b/shared"))
    assert.equal(200, status("LIST", "secret/metadata/a"))
    assert.equal(403, status("LIST", "secret/metadata/b"))
    assert.equal(403, status("GET", "sys/mounts"))
  end)
end)
