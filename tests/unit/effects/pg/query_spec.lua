-- What reads may do on a server is tested in tests/servers/effects/pg_reads_spec.lua.

local query = require "o2x.effects.pg.query"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

local ctx = { config = { pg = { functions = { "billing.total" } } } }

describe("a read of a script", function()
  it("is SQL as text", function()
    for _, sql in ipairs { 1, true, {}, secret.new("select 1", "x") } do
      assert.equal("input", raised(query.check, ctx, sql, { n = 0 }).kind)
    end
    assert.equal("input", raised(query.check, ctx, nil, { n = 0 }).kind)
  end)

  it("may call what the configuration names", function()
    query.check(ctx, "select billing.total(1)", { n = 0 })
    assert.equal("refused", raised(query.check, ctx, "select billing.other(1)", { n = 0 }).kind)
    assert.equal("refused", raised(query.check, { config = {} }, "select billing.total(1)", { n = 0 }).kind)
  end)

  it("takes no secret as a parameter", function()
    local parameters = table.pack(1, secret.new("hunter2-hunter2", "x"))
    assert.matches("%$2 of a read is a secret", raised(query.check, ctx, "select $1, $2", parameters).message)
  end)
end)
