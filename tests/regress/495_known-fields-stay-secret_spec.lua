-- NetSuite's account is in a secrets file and, as part of a URL, in the tenant's database. It was published for every
-- run, so the journal of an undo had the text of a secret, and no capsule could be made of it. Only where a tenant's
-- file is made of what is there may it be in clear.

local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local server = require "tests.support.vault"

describe("a field in Vault that the tenant's database shows, too", function()
  local function account(v, adopting)
    local api, made = gate.run {
      module = "vault",
      mode = "apply",
      config = { vault = { addr = v.addr, token = secret.new(v.root, "VAULT_TOKEN"), mount = "secret" } },
      scope = { vault = { "tenant/newclient/" } },
    }
    made.ctx.tenant = { name = "newclient", adopting = adopting, known_fields = { netsuite = { account = "7788990" } } }
    return api.read("netsuite").account
  end

  it("is a secret, unless the tenant's file is being made", function()
    local v <close> = server.start()
    v.ask("PUT", "secret/data/tenant/newclient/netsuite", { data = { account = "7788990" } })
    assert.equal("7788990", account(v, true))
    assert.is_true(secret.is(account(v, nil)))
  end)
end)
