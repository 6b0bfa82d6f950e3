local auth = require "o2x.client.vault.auth"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local function token(text) return secret.new(text, "token") end

-- A client with these options; answers: path → response, or a function that gives one
local function client(options, answers)
  local this = { options = options, asked = {} }
  function this.send(_, request)
    table.insert(this.asked, request.path)
    local answer = answers[request.path]
    if type(answer) == "function" then answer = answer(request) end
    return answer or { status = 404, headers = {}, body = {} }
  end
  return this
end

local function login(ttl, renewable)
  return {
    status = 200,
    headers = {},
    body = { auth = { client_token = token "hvs.made", lease_duration = ttl or 3600, renewable = renewable or false } },
  }
end

local ROLE <const> = { role_id = "r", secret_id = "s" }

describe("a Vault token", function()
  it("that was given is looked up once and not replaced", function()
    local this = client(
      { token = "hvs.given" },
      { ["auth/token/lookup-self"] = { status = 403, headers = {}, body = {} } }
    )
    local holder = auth.new(this)
    local first = holder:token()
    assert.is_true(secret.is(first))
    assert.equal(first, holder:token())
    assert.same({ "auth/token/lookup-self" }, this.asked)
    assert.is_false(holder:renew(first))
  end)

  it("is got by a login, once for all who wait", function()
    local this = client(ROLE, {
      ["auth/approle/login"] = function()
        task.sleep(0.001)
        return login()
      end,
    })
    local holder = auth.new(this)
    local tokens = task.each({ 1, 2, 3 }, function() return holder:token() end)
    assert.equal(tokens[1], tokens[3])
    assert.same({ "auth/approle/login" }, this.asked)
  end)

  it("is renewed when it is due, and the old one used on if that fails", function()
    local fails = false
    local this = client(ROLE, {
      ["auth/approle/login"] = login(0.000001, true),
      ["auth/token/renew-self"] = function()
        if fails then return { status = 500, headers = {}, body = {} } end
        return login(0.000001, true)
      end,
    })
    local holder = auth.new(this)
    local first = holder:token()
    assert.equal(first, holder:token())
    fails = true
    assert.equal(first, holder:token())
    assert.same({ "auth/approle/login", "auth/token/renew-self", "auth/token/renew-self" }, this.asked)
  end)

  it("that has died is replaced by whoever comes first", function()
    local this = client(ROLE, { ["auth/approle/login"] = function() return login() end })
    local holder = auth.new(this)
    local dead = holder:token()
    this.asked = {}
    task.each({ 1, 2 }, function() assert.is_true(holder:renew(dead)) end)
    assert.same({ "auth/approle/login" }, this.asked)
  end)

  it("cannot be had without anything to log in with", function()
    local ok, err = pcall(auth.new(client({}, {})).token, auth.new(client({}, {})))
    assert.is_false(ok)
    assert.equal("unauthorised", err.kind)
    assert.matches("VAULT_TOKEN", err.hint)
  end)

  it("is refused to a wrong role, and that is final", function()
    local this =
      client(ROLE, { ["auth/approle/login"] = { status = 400, headers = {}, body = { errors = { "invalid role" } } } })
    local holder = auth.new(this)
    local ok, err = pcall(holder.token, holder)
    assert.is_false(ok)
    assert.same({ "unauthorised", false }, { err.kind, err.retryable })
    assert.matches("invalid role", err.message)
  end)

  it("is dead when Vault says so, not when a policy forbids something", function()
    local lookup = 403
    local this = client({ token = "x" }, {
      ["auth/token/lookup-self"] = function() return { status = lookup, headers = {}, body = {} } end,
    })
    local holder = auth.new(this)
    local function refused(text) return { status = 403, headers = {}, body = { errors = { text } } } end
    assert.is_true(holder:is_dead(token "x", refused "permission denied"))
    lookup = 200
    assert.is_false(holder:is_dead(token "x", refused "permission denied"))
    assert.is_true(holder:is_dead(token "x", refused "invalid token"))
  end)

  it("of a login is revoked at the end, a given one is not", function()
    local this = client(ROLE, { ["auth/approle/login"] = login() })
    local holder = auth.new(this)
    holder:token()
    holder:close()
    assert.equal("auth/token/revoke-self", this.asked[#this.asked])
    local given = client({ token = "x" }, {})
    auth.new(given):close()
    assert.same({}, given.asked)
  end)
end)
