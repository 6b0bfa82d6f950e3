-- A field of Vault that was a number or a boolean came back as one, so a script could print it.
local secret = require "o2x.base.secret"
local server = require "tests.support.vault"
local vault = require "o2x.client.vault"

describe("a numeric field of Vault", function()
  it("is a secret, and keeps its type when it is written back", function()
    local v <close> = server.start()
    v.ask("PUT", "secret/data/tenant/acme/pin", { data = { pin = 739164, ratio = 2.5, on = true, deep = { n = 12 } } })
    local client = vault.new { addr = v.addr, token = secret.new(v.root, "token") }
    local fields = client:read "tenant/acme/pin"
    for _, field in ipairs { fields.pin, fields.ratio, fields.on, fields.deep.n } do
      assert.is_true(secret.is(field))
    end
    assert.equal("******", (secret.scrub "739164"))
    client:put("tenant/acme/pin", fields)
    local _, answer = v.ask("GET", "secret/data/tenant/acme/pin")
    assert.same({ pin = 739164, ratio = 2.5, on = true, deep = { n = 12 } }, answer.data.data)
  end)
end)
