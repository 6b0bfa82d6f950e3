-- The time for retries was the process's: of several runs with different configurations, the one prepared last decided
-- for all.
local errors = require "o2x.base.error"
local small_run = require "tests.support.small_run"

-- A system that says "come back in a second", for the first `times` reads.
local function busy(times)
  local reads = 0
  return {
    name = "busy",
    types = {
      {
        kind = "busy.thing",
        class = "read",
        key = function(target) return target end,
        read = function()
          reads = reads + 1
          if reads <= times then
            errors.raise { kind = "unreachable", message = "busy", retryable = true, retry_after = 0.01 }
          end
          return reads
        end,
      },
    },
    api = function(ctx)
      return { thing = function() return ctx:read("busy.thing", "a") end }
    end,
  }
end

describe("the time for retries", function()
  it("is that of each run", function()
    local hasty = small_run.new { modules = { busy(1) }, clients = {} }
    local patient = small_run.new { modules = { busy(1) }, clients = {} }
    hasty.retry_seconds, patient.retry_seconds = 0.001, 30
    assert.equal(2, patient.api.busy.thing())
    local ok, err = pcall(hasty.api.busy.thing)
    assert.is_false(ok)
    assert.equal("unreachable", err.kind)
    assert.equal("", hasty.story())
    assert.equal("retry", patient.story())
  end)
end)
