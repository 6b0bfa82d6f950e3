-- A script gave a field of Vault's as plain text. The undo of an undo read the version with it as a secret, masked the
-- text in its journal, and the next undo stopped at a bug: what the script gave was no text any more.

local effects = require "o2x.effects"
local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local server = require "tests.support.vault"

describe("a version of Vault's with what a script gave as text", function()
  local function restored(v, public)
    local _, made = gate.run {
      module = "vault",
      mode = "apply",
      config = { vault = { addr = v.addr, token = secret.new(v.root, "VAULT_TOKEN"), mount = "secret" } },
      scope = { vault = { "tenant/newclient/" } },
    }
    v.ask("PUT", "secret/data/tenant/newclient/plain", { data = { a = "our-value" } })
    local path = "tenant/newclient/plain"
    return effects.find("vault").types[1].undo.restore(made.ctx, {
      target = { path = path, key = "secret/" .. path, public = public },
      before = { a = "our-value" },
      now = { a = "another" },
      reference = { version = 1 },
    }).desired.a
  end

  it("goes back as text, so that no journal masks it", function()
    local v <close> = server.start()
    assert.equal("our-value", restored(v, { a = "our-value" }))
    assert.is_nil(secret.found "our-value")
  end)

  it("is a secret where a journal has the text masked already", function()
    local v <close> = server.start()
    assert.is_true(secret.is(restored(v, { a = { ["$masked"] = "******", fp = "77f644446d21bac9" } })))
  end)
end)
