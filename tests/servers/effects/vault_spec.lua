-- The effect type vault.secret on the lab's Vault, through the real gate.
local gate = require "tests.support.gate"
local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local memory = require "o2x.engine.memory"
local secret = require "o2x.base.secret"
local server = require "tests.support.vault"
local value = require "o2x.base.value"

local function run(v, options)
  options = options or {}
  options.module, options.mode = "vault", options.mode or "apply"
  options.config = { vault = { addr = v.addr, token = secret.new(v.root, "VAULT_TOKEN"), mount = "secret" } }
  options.scope = { vault = { "tenant/newclient/" } }
  local api, made = gate.run(options)
  made.ctx.tenant = { name = "newclient", id = "TIDLT-100008", environment = "production" }
  return api, made
end

local function writes(v)
  local n = 0
  for _, line in ipairs(v.requests) do
    n = n + (line:find "^[PD][UOAE]" and line:find "/secret/" and 1 or 0)
  end
  return n
end

local function stored(v, path)
  local _, answer = v.ask("GET", "secret/data/tenant/newclient/" .. path)
  return answer.data and answer.data.data, answer.data and answer.data.metadata.version
end

local FIELDS <const> = {
  client_id = "the-client",
  client_secret = secret.new("very-secret-value", "quickbooks/client_secret"),
}

describe("vault.ensure", function()
  it("writes once, and nothing when it is there", function()
    local v <close> = server.start()
    local api = run(v)
    api.ensure("quickbooks", FIELDS)
    assert.same({ client_id = "the-client", client_secret = "very-secret-value" }, (stored(v, "quickbooks")))
    local again = run(v)
    again.ensure("quickbooks", FIELDS)
    assert.equal(1, select(2, stored(v, "quickbooks")))
    assert.equal(1, writes(v))
  end)

  it("leaves other fields alone", function()
    local v <close> = server.start()
    v.ask(
      "PUT",
      "secret/data/tenant/newclient/quickbooks",
      { data = { refreshed = "by the gateway", client_id = "old" } }
    )
    run(v).ensure("quickbooks", FIELDS)
    assert.same(
      { refreshed = "by the gateway", client_id = "the-client", client_secret = "very-secret-value" },
      (stored(v, "quickbooks"))
    )
  end)

  it("has no secret in what the tenant's file says of a field", function()
    local v <close> = server.start()
    v.ask(
      "PUT",
      "secret/data/tenant/newclient/quickbooks",
      { data = { realm_id = "900100008", client_secret = "nobody-knows-it" } }
    )
    local api, made = run(v)
    made.ctx.tenant.public_fields = { quickbooks = { realm_id = "900100008" } }
    local fields = api.read "quickbooks"
    assert.equal("900100008", fields.realm_id)
    assert.is_true(secret.is(fields.client_secret))
  end)

  it("tells the names of fields, and keeps nothing of what they hold", function()
    local v <close> = server.start()
    v.ask(
      "PUT",
      "secret/data/tenant/newclient/stripe",
      { data = { webhook_secret = "whsec_0815", api_key = "sk_4711" } }
    )
    local api = run(v)
    assert.same({ "api_key", "webhook_secret" }, api.fields "stripe")
    assert.is_nil(api.fields "nothing")
    assert.same({}, secret.ranges "whsec_0815 sk_4711")
  end)

  it("makes up what is missing, once", function()
    local v <close> = server.start()
    local fields = run(v).ensure("license/onboarding", { license_key = "L-1" }, { generate = { decrypt_key = 43 } })
    assert.equal(43, fields.decrypt_key:length())
    local made = stored(v, "license/onboarding").decrypt_key
    run(v).ensure("license/onboarding", { license_key = "L-1" }, { generate = { decrypt_key = 43 } })
    local kept, version = stored(v, "license/onboarding")
    assert.same({ made, 1 }, { kept.decrypt_key, version })
  end)

  it("does not make secrets of what is known anyway", function()
    local v <close> = server.start()
    local known = { tenant_id = "TIDLT-100008", tenant_name = "newclient", environment = "production" }
    assert.same(known, (run(v).ensure("info", known)))
    assert.equal("newclient", run(v).read "info".tenant_name)
    collectgarbage()
    assert.equal("tenant newclient in production", (secret.scrub "tenant newclient in production"))
  end)

  it("revives what was deleted", function()
    local v <close> = server.start()
    run(v).ensure("quickbooks", FIELDS)
    v.ask("DELETE", "secret/data/tenant/newclient/quickbooks")
    assert.is_nil((run(v).read "quickbooks"))
    run(v).ensure("quickbooks", FIELDS)
    assert.equal(2, select(2, stored(v, "quickbooks")))
  end)

  it("stays in its tenant's folder", function()
    local v <close> = server.start()
    local api = run(v)
    for _, path in ipairs { "../urbanos/info", "a//b", "%2e%2e/urbanos/info", "", "/info", "x/../../urbanos/info" } do
      assert.equal("refused", raised(api.ensure, path, { a = "b" }).kind, path)
      assert.equal("refused", raised(api.read, path).kind, path)
    end
    assert.same({}, v.requests)
  end)

  it("does not overwrite what somebody wrote meanwhile", function()
    local v <close> = server.start()
    v.intercept = function(req, handler)
      if req.method ~= "PUT" or not req.path:find "quickbooks" then return end
      v.intercept = nil
      v.ask("PUT", "secret/data/tenant/newclient/quickbooks", { data = { theirs = "first" } })
      return handler(req)
    end
    assert.equal("conflict", raised(run(v).ensure, "quickbooks", FIELDS).kind)
    assert.same({ theirs = "first" }, (stored(v, "quickbooks")))
  end)

  it("does not write twice when the answer was lost", function()
    local v <close> = server.start()
    v.intercept = function(req, handler)
      if req.method ~= "PUT" then return end
      v.intercept = nil
      handler(req)
      req:drop()
    end
    run(v).ensure("quickbooks", FIELDS)
    assert.equal(1, select(2, stored(v, "quickbooks")))
    v.intercept = function(req) -- lost before it did anything: asked, found missing, sent again
      if req.method ~= "PUT" then return end
      v.intercept = nil
      req:drop()
    end
    run(v).ensure("stripe", { api_key = "sk_live_1" })
    assert.equal(1, select(2, stored(v, "stripe")))
  end)

  it("waits for a Vault that says it is busy", function()
    local v <close> = server.start()
    local busy = 2
    v.intercept = function(req)
      if busy == 0 or not req.path:find "/secret/" then return end
      busy = busy - 1
      return 429, { ["Retry-After"] = "0" }, '{"errors":["rate limit quota exceeded"]}'
    end
    run(v).ensure("quickbooks", FIELDS)
    assert.equal(1, select(2, stored(v, "quickbooks")))
  end)
end)

describe("a plan", function()
  it("sends reads only, shows no value, and sees what it would write", function()
    local v <close> = server.start()
    v.ask(
      "PUT",
      "secret/data/tenant/newclient/quickbooks",
      { data = { client_id = "old-client", realm_id = "123456789" } }
    )
    v.requests = {}
    local api, made = run(v, { mode = "plan" })
    api.ensure("quickbooks", FIELDS)
    api.ensure("license/onboarding", { license_key = "LICENCE-1" }, { generate = { decrypt_key = 43 } })
    assert.equal(43, api.read "license/onboarding".decrypt_key:length())
    assert.equal(0, writes(v))
    local shown = made.plan.changes[1].show
    assert.equal("secret/tenant/newclient/quickbooks", shown.title)
    assert.matches("^~ client_id: %(changed", shown.lines[1])
    assert.same({ "+ client_secret: (set)", "  realm_id: (same)" }, { shown.lines[2], shown.lines[3] })
    local text = json.encode { made.plan.changes[1].show, made.plan.changes[2].show }
    for _, hidden in ipairs { "the-client", "very-secret-value", "old-client", "123456789", "LICENCE-1" } do
      assert.is_nil(text:find(hidden, 1, true))
    end
  end)
end)

describe("a resumed run", function()
  -- What a journal would know after a crash: everything, or the intents alone.
  local function past_of(made, with_results)
    local records = {}
    for _, record in ipairs(made.journal.records) do
      if record.t == "intent" or with_results then records[#records + 1] = record end
    end
    return memory.new(history.of(json.decode(json.encode(json.array(records)))))
  end

  local function onboard(api)
    return api.ensure("license/onboarding", { license_key = "L-1" }, { generate = { decrypt_key = 43 } })
  end

  it("recalls what was done, and finds what was done unrecorded", function()
    local v <close> = server.start()
    local api, made = run(v, { id = "one" })
    onboard(api)
    for _, with_results in ipairs { true, false } do
      local again = run(v, { id = "one", past = past_of(made, with_results) })
      assert.equal(43, onboard(again).decrypt_key:length())
      assert.equal(1, select(2, stored(v, "license/onboarding")))
    end
  end)

  it("does what was intended but not done", function()
    local v <close> = server.start()
    local api, made = run(v, { id = "two" })
    onboard(api)
    v.ask("DELETE", "secret/metadata/tenant/newclient/license/onboarding")
    onboard((run(v, { id = "two", past = past_of(made, false) })))
    assert.equal(1, select(2, stored(v, "license/onboarding")))
  end)

  it("is not stopped by what a service wrote into a field of its own meanwhile", function()
    for _, done in ipairs { true, false } do
      local v <close> = server.start()
      local path = "secret/data/tenant/newclient/quickbooks"
      v.ask("PUT", path, { data = { client_id = "old", refreshed = "monday" } })
      local api, made = run(v, { id = "three" })
      api.ensure("quickbooks", FIELDS)
      local now = stored(v, "quickbooks")
      if not done then now = { client_id = "old" } end
      now.refreshed = "tuesday"
      v.ask("PUT", path, { data = now })
      local again = run(v, { id = "three", past = past_of(made, false) })
      again.ensure("quickbooks", FIELDS)
      assert.same(
        { refreshed = "tuesday", client_id = "the-client", client_secret = "very-secret-value" },
        (stored(v, "quickbooks"))
      )
    end
  end)

  it("stops at somebody else's change of a field that it sets", function()
    local v <close> = server.start()
    local path = "secret/data/tenant/newclient/quickbooks"
    v.ask("PUT", path, { data = { client_id = "old", refreshed = "monday" } })
    local api, made = run(v, { id = "four" })
    api.ensure("quickbooks", FIELDS)
    v.ask("PUT", path, { data = { client_id = "theirs", refreshed = "monday" } })
    local again = run(v, { id = "four", past = past_of(made, false) })
    assert.equal("foreign_change", raised(again.ensure, "quickbooks", FIELDS).code)
    assert.equal("theirs", stored(v, "quickbooks").client_id)
  end)

  it("never has a secret in its journal", function()
    local v <close> = server.start()
    local api, made = run(v)
    api.ensure("quickbooks", FIELDS)
    local text = json.encode(value.plain(made.journal.records))
    assert.is_nil(text:find("very-secret-value", 1, true))
    assert.is_nil(text:find(v.root, 1, true))
  end)
end)

describe("the effect type", function()
  it("deletes when nothing is desired, and puts back what was", function()
    local v <close> = server.start()
    local api, made = run(v)
    local before = api.ensure("quickbooks", FIELDS)
    local target = { path = "tenant/newclient/quickbooks", key = "secret/tenant/newclient/quickbooks" }
    assert.equal("deleted", select(2, made.ctx:effect("vault.secret", target, nil)))
    assert.is_nil((api.read "quickbooks"))
    assert.equal("created", select(2, made.ctx:effect("vault.secret", target, before)))
    assert.same("very-secret-value", stored(v, "quickbooks").client_secret)
  end)
end)
