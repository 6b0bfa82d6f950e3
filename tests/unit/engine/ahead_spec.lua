local ahead = require "o2x.engine.ahead"
local errors = require "o2x.base.error"
local plan = require "o2x.engine.plan"

-- What a look into a run gives is seen from outside: tests/e2e/skip_spec.lua, tests/e2e/step_by_step_spec.lua.
describe("a part of a plan", function()
  local function effect(outcome) return { kind = "toy.value", key = "a", path = "Make", outcome = outcome } end

  it("is done when nothing would change", function()
    local part = plan.new()
    assert.is_true(ahead.is_done(part))
    part:unchanged(effect())
    assert.is_true(ahead.is_done(part))
  end)

  for what, add in pairs {
    ["would change something"] = function(part) part:change(effect "created") end,
    ["has what only a run can know"] = function(part) part:open(effect()) end,
    ["has a check that needs the run"] = function(part) part:check_later("Make", "is dry") end,
    ["cannot be planned"] = function(part) part:problem("Make", errors.new { kind = "failed", message = "no" }) end,
  } do
    it("is not done when it " .. what, function()
      local part = plan.new()
      add(part)
      assert.is_false(ahead.is_done(part))
    end)
  end
end)
