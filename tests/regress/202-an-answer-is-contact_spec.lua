-- Vault's 429 at the first contact was given up after three attempts, which are meant for a wrong address.

local faults = require "lab.faults"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"
local vault = require "o2x.client.vault"

local function run_at(addr, token)
  local client = vault.new { addr = addr, token = secret.new(token, "token"), scope = { "tenant/t1/" } }
  local run = small_run.new {
    modules = { (require "o2x.effects.vault") },
    clients = { vault = client },
    scope = { vault = { "tenant/t1/" } },
  }
  run.ctx.tenant = { name = "t1" }
  run.first_pause = 0
  return run
end

describe("the first contact", function()
  it("is made by an answer, also by one that says: not now", function()
    small_lab.with({ "vault" }, nil, function(lab)
      local run = run_at(lab.env.VAULT_ADDR, lab.env.VAULT_TOKEN)
      faults.add(lab.faults.rules, "vault", "500", { times = "8", match = "secret" })
      faults.add(lab.faults.rules, "vault", "429", { times = "1", match = "secret" })
      assert.is_nil(run.api.vault.read "x")
      assert.same({}, lab.faults.rules)
    end)
  end)

  it("is not made where nobody listens", function()
    local run = run_at("http://127.0.0.1:1", "x")
    local err = raised(run.api.vault.read, "x")
    assert.equal("unreachable", err.kind)
    assert.matches("%(tried 3 times in %d s%)$", err.message)
  end)
end)
