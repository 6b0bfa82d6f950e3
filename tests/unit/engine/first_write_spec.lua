local effects = require "o2x.effects"
local first_write = require "o2x.engine.first_write"
local task = require "o2x.base.task"

describe("engine.first_write", function()
  local asked, rights, before, problem
  setup(function()
    rights = effects.find "rights"
    before = rights.before_writes
  end)
  before_each(function()
    asked, problem = 0, nil
    rights.before_writes = function()
      asked = asked + 1
      task.sleep(0)
      if problem then error(problem, 0) end
    end
  end)
  after_each(function() rights.before_writes = before end)

  it("asks once, whoever wants to write", function()
    local run = { runbook = {} }
    task.each({ 1, 2, 3 }, function() first_write.admit(run) end, { limit = 3 })
    first_write.admit(run)
    assert.equal(1, asked)
  end)

  it("lets nobody write if something is missing", function()
    local run = { runbook = {} }
    problem = "missing"
    assert.has_error(function() first_write.admit(run) end, "missing")
    assert.has_error(function() first_write.admit(run) end, "missing")
  end)

  it("does not ask for an adoption, nor for a tenant that comes into a lab", function()
    first_write.admit { runbook = { adopts = true } }
    first_write.admit { runbook = {}, arrival = {} }
    assert.equal(0, asked)
    assert.is_nil(first_write.look { runbook = { adopts = true } })
  end)
end)
