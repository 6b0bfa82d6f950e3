local limits = require "o2x.base.limits"

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("limits", function()
  after_each(function() limits.use() end)

  it("are numbers with a name and a description", function()
    for _, limit in ipairs(limits.LIST) do
      assert.matches("^[a-z_]+$", limit[1])
      assert.equal("string", type(limit[2]))
      assert.is_true(limit[3] >= 1)
      assert.equal(limit[3], limits.get(limit[1]))
    end
  end)

  it("are the configuration's where it has them", function()
    limits.use { steps = 7, memory = 2 }
    assert.equal(7, limits.get "steps")
    assert.equal(2 << 20, limits.bytes "memory")
    assert.equal(1000, limits.get "tasks")
    raised(limits.get, "stairs")
  end)

  it("count for each run, up to and including the limit", function()
    limits.use { steps = 2 }
    local sandbox = { where = function() return "runbooks/x.lua:3" end }
    local one, other = { sandbox = sandbox }, {}
    for _ = 1, 2 do
      limits.count(one, "steps", 1, "more than %s steps")
      limits.count(other, "steps", 1, "more than %s steps")
    end
    local err = raised(limits.count, one, "steps", 1, "more than %s steps")
    assert.equal("runbooks/x.lua:3: more than 2 steps", tostring(err))
    assert.equal("failed", err.kind)
    assert.matches("limits.steps", err.hint)
  end)

  it("count bytes where the number is MiB", function()
    limits.use { log = 1 }
    local run = {}
    limits.count(run, "log", 1 << 20, "more than %s MiB", 1 << 20)
    assert.equal("more than 1 MiB", tostring(raised(limits.count, run, "log", 1, "more than %s MiB", 1 << 20)))
  end)

  it("write large numbers with commas", function()
    limits.use { rows = 1234567 }
    assert.equal("more than 1,234,567 rows", tostring(raised(limits.reached, "rows", "more than %s rows")))
  end)

  it("end a run whose journal is too long", function()
    limits.use { journal = 1 }
    limits.check_journal {}
    limits.check_journal { journal = { size = 1 << 20 } }
    assert.matches("more than 1 MiB", tostring(raised(limits.check_journal, { journal = { size = (1 << 20) + 1 } })))
  end)
end)
