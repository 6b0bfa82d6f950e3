-- Several tasks that waited for one answer each added how often it was tried: "(tried 40 times …)" four times.

local errors = require "o2x.base.error"
local retry = require "o2x.base.retry"

describe("an error that several tasks get", function()
  it("says once how long it was tried", function()
    local shared = errors.new { kind = "failed", message = "overloaded", retryable = true }
    for _ = 1, 3 do
      pcall(retry.read, { attempts = 2, sleep = function() end }, function() error(shared, 0) end)
    end
    assert.equal("overloaded (tried 2 times in 0 s)", shared.message)
  end)
end)
