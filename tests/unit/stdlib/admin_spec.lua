local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local stdlib = require "tests.support.stdlib"
local value = require "o2x.base.value"

describe("stdlib.admin", function()
  local tenant = stdlib.tenant "newclient"

  -- The sandbox, with a database in which the user exists or not.
  -- `known`: what Vault has; `hash`: of the existing user's password
  local function new(user_exists, known, hash)
    local row = user_exists and { userid = tenant.admin.email, password = hash or "$2b$10$x" } or nil
    return stdlib.new {
      vault = {
        ensure = function() return { password = secret.new(known or "generated") } end,
        read = function() return known and { password = secret.new(known) } or nil end,
      },
      pg = { tenant = { one = function() return row end } },
    }
  end

  local function user_row(std, params)
    std.require("admin").create(tenant, params)
    local name, key, values = table.unpack(std.called("pg.tenant:ensure_row")[1])
    assert.equal("core_config.users", name)
    assert.same({ userid = "admin@newclient.com" }, key)
    return values
  end

  it("generates the password in Vault", function()
    local std = new(false)
    std.require("admin").create(tenant)
    assert.same({
      { "admin", { username = "admin@newclient.com" }, { generate = { password = 24 } } },
    }, std.called "vault.ensure")
  end)

  it("creates the user with a hash of the password, as a secret", function()
    local hash = user_row(new(false)).password
    assert.is_true(secret.is(hash))
    assert.equal(60, hash:length()) -- bcrypt's
  end)

  it("gives the user the administrator's role", function()
    local values = user_row(new(false))
    values.password = nil
    assert.same({
      email = "admin@newclient.com",
      firstname = "Admin",
      lastname = "User",
      type = "INTERNAL",
      status = "ACTIVE",
      category = "SYSTEM_ADMIN",
      roleid = "ADMIN_ROLE_ID",
    }, values)
  end)

  it("takes a user of whom nobody knows whether he is there for a new one", function()
    local std = stdlib.new {
      vault = { ensure = function() return { password = secret.new "p" } end, read = function() return nil end },
      pg = { tenant = { one = function() return value.unknown end } },
    }
    assert.is_true(secret.is(user_row(std).password))
    assert.equal(1, #std.called "vault.ensure")
  end)

  it("keeps the password of an existing user", function() assert.is_nil(user_row(new(true, "kept")).password) end)

  it("writes no password to Vault that an existing user does not have", function()
    local std = new(true)
    assert.is_nil(user_row(std).password)
    assert.same({}, std.called "vault.ensure")
  end)

  it("gives an existing user a new password if asked", function()
    local std = new(true)
    assert.is_true(secret.is(user_row(std, { admin = "reset" }).password))
    assert.equal(1, #std.called "vault.ensure")
  end)

  it("logs in at the tenant's single sign-on", function()
    local password = secret.new "p"
    local std = stdlib.new {
      service = { session = function(options) return options end },
      vault = { read = function() return { password = password } end },
    }
    local session = std.require("admin").session(tenant)
    assert.equal("newclient-service-sso", session.service)
    assert.equal("accessToken", session.token)
    assert.same({ username = "admin@newclient.com", password = password }, session.json())
  end)

  it("fails at the login if Vault has no password", function()
    local std = stdlib.new { service = { session = function(options) return options end } }
    local session = std.require("admin").session(tenant)
    assert.matches("Vault has no secret 'admin' for newclient", raised(session.json).message)
  end)
end)
