local policy = require "lab.vault_policy"
local vault = require "o2x.policy.vault"

describe("the policy of Vault", function()
  local text = vault.text("o2x-newclient", { vault = { "tenant/newclient/" } }, { vault = { mount = "kv" } })
  local rules = assert(policy.parse(text))

  it("is Vault's own language, one rule a path", function()
    assert.equal(2, #rules)
    assert.equal("kv/data/tenant/newclient/*", rules[1].pattern)
    assert.equal("kv/metadata/tenant/newclient/*", rules[2].pattern)
  end)

  it("creates, reads and updates; lists for audits, and removes for undos", function()
    assert.same({ create = true, read = true, update = true }, rules[1].capabilities)
    assert.same({ list = true, delete = true }, rules[2].capabilities)
  end)
end)
