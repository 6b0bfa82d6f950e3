-- tenant.id was whatever a script said: another tenant's id that only the registry has, a glob, a path. Redis, the
-- broker and S3 then were the other's.

local gate = require "tests.support.gate"
local project = require "o2x.project.project"
local fs = require "o2x.base.fs"
local raised = require "tests.support.raised"
local registration = require "o2x.engine.registration"
local sandbox = require "o2x.script.sandbox"
local tenants = require "o2x.project.tenants"

describe("the id that a script gives to the tenant", function()
  local run, scope
  before_each(function()
    local box = sandbox.new(project.at(fs.cwd()))
    run = { platform = box:require "stdlib.platform" }
    local config = { platform = fs.join(fs.cwd(), "examples/platform") }
    run.tenant, scope = tenants.load(box, config, "newclient", function(id) run.registration:confirm(id) end)
    local _, of_gate = gate.run { mode = "apply", module = "pg", config = {}, scope = scope }
    run.gate, run.ctx = of_gate.gate, of_gate.ctx
    run.gate.read = function(_, kind, target)
      assert.equal("pg.allocated", kind)
      assert.same({ name = "newclient" }, target.key)
      return { id = "TIDLT-100008" }
    end
    run.registration = registration.new(run)
  end)

  for _, id in ipairs {
    "TIDLT-100005", -- in another's file
    "TIDLT-100099",
    "TIDLT-000000",
    "TIDLT-??????",
    "../TIDLT-100008",
    "TIDLT-100008:",
    "TIDLT-100008\n",
    "TIDLT-10000",
    "tidlt-100008",
    "",
    100008,
  } do
    it(("is refused: %q"):format(id), function()
      assert.equal("refused", raised(function() run.tenant.id = id end).kind)
      assert.is_nil(run.tenant.id)
      assert.same({}, scope.redis)
    end)
  end

  it("is taken if it is what the registry has for the name", function()
    run.tenant.id = "TIDLT-100008"
    assert.same({ "TIDLT-100008:" }, scope.redis)
    assert.equal("TIDLT-100008", scope.pg.rows["core_config.tenant"].id)
  end)
end)
