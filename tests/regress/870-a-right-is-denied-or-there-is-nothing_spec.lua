-- The question for rights before the first write refused a run whose control database was down, though it was started
-- with --local-lock and wrote to Kubernetes only, and one whose platform has no registry, or no kinds of an operator.
-- tests/e2e/lock_spec.lua and migrations_spec.lua see it from outside.

local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local rights = require "o2x.policy.rights"

describe("before it writes, a run", function()
  local missing = rights.missing
  after_each(function() rights.missing = missing end)

  local function asks(found)
    rights.missing = function() return found end
    local ctx = { config = {}, scope = {}, tenant = {} }
    function ctx.ask_for_rights() return false end
    function ctx.declared_types() return {} end
    return pcall(effects.find("rights").before_writes, ctx)
  end

  it("is refused what it may not do", function()
    local ok, err = asks { { text = "may not patch deployments in default", system = "k8s" } }
    assert.is_false(ok)
    assert.equal("unauthorised", errors.wrap(err).kind)
    assert.is_false((asks { { text = "password authentication failed", kind = "unauthorised", system = "pg" } }))
  end)

  it(
    "may get by without a system that does not answer, a table and a kind that nobody has made",
    function()
      assert.is_true((asks {
        { text = "PostgreSQL at x refuses connections", kind = "unreachable", system = "pg" },
        { text = "no answer", kind = "timeout", system = "vault" },
        { text = "enginedevdb has no table core_config.tenant", absent = true, system = "pg" },
        { text = "the cluster has no servicemonitors.monitoring.coreos.com", absent = true, system = "k8s" },
      }))
    end
  )
end)
