local run_memory = require "o2x.base.run_memory"
local task = require "o2x.base.task"

describe("the memory of a run", function()
  local function mine() return run_memory.of("test", { "known" }).known end

  -- What fn gives, in a task of its own.
  local function apart(fn) return task.spawn(fn):join() end

  it("is of one run, and of the tasks that it spawns", function()
    local first = apart(function()
      run_memory.open()
      mine().a = 1
      return apart(function() return mine() end)
    end)
    assert.same({ a = 1 }, first)
    assert.same(
      {},
      apart(function()
        run_memory.open()
        return mine()
      end)
    )
  end)

  it("is the outer run's again when one within it has ended", function()
    apart(function()
      run_memory.open()
      mine().a = 1
      local close = run_memory.open()
      assert.same({}, mine())
      close()
      assert.same({ a = 1 }, mine())
    end)
  end)

  it("stays for what is asked after the run, and goes with the task", function()
    local weak = setmetatable({}, { __mode = "v" })
    apart(function()
      local close = run_memory.open()
      weak[1] = mine()
      close()
      assert.equal(weak[1], mine())
    end)
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)

  it("is there without a run", function()
    apart(function()
      mine().b = 2
      assert.same({ b = 2 }, mine())
    end)
  end)
end)
