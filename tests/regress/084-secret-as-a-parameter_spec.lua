-- pg.tenant:rows("select $1", secret) gave the secret back in clear text.
local context = require "o2x.engine.context"
local effects = require "o2x.effects"
local gate = require "o2x.engine.gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

local function pg_over(rows)
  local run = { mode = "apply", scope = { pg = { tenant = "t" } }, config = { pg = {} }, tenant = { name = "acme" } }
  run.client = function() error "asked the server" end
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  run.ctx.read = function() return rows end
  return effects.bind(run, effects.find "pg")
end

describe("a read of rows", function()
  local key = secret.new("sesame-parameter", "key")

  it("takes no secret", function()
    local pg = pg_over {}
    for _, method in ipairs { "rows", "one" } do
      local err = raised(pg.tenant[method], pg.tenant, "select $1::text as x", key)
      assert.equal(("pg.tenant:%s, argument 2: a secret must not go there"):format(method), err.message)
    end
  end)

  it("gives a secret where the database has one", function()
    local pg = pg_over { { licence = "sesame-parameter", note = "it is sesame-parameter" } }
    local row = pg.tenant:one "select licence, note from doors"
    assert.is_true(secret.equal(row.licence, key))
    assert.equal("it is ‹secret›", row.note)
  end)
end)
