-- vault.ensure turned every field that equalled any text given in the same call into plain text: thousands of guesses
-- in one call told the value of a secret.
local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local server = require "tests.support.vault"

describe("vault.ensure", function()
  it("does not open a field that equals the text for another", function()
    local v <close> = server.start()
    v.ask("PUT", "secret/data/tenant/acme/door", { data = { code = "4711-4711" } })
    local api = gate.run {
      module = "vault",
      mode = "apply",
      config = { vault = { addr = v.addr, token = secret.new(v.root, "VAULT_TOKEN"), mount = "secret" } },
      scope = { vault = { "tenant/acme/" } },
    }
    local fields = api.ensure("door", { guess_1 = "4710-4710", guess_2 = "4711-4711" })
    assert.is_true(secret.is(fields.code))
    assert.equal("4711-4711", fields.guess_2)
  end)
end)
