-- A run that changes nothing may end without its lock. The proof missed the tables that the first lock makes, and
-- called the run wrong.

local build = require "tests.support.build"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

describe("o2x prove, where the lock cannot be taken and nothing is written", function()
  it("finds the run right", function()
    -- The connection by which the lock is taken.
    local words = { build.o2x, "prove", "vacuum", "urbanos", "--only=fault:bd61b4a0-cut", "--json" }
    local result = proc.run { argv = words, env = program.environment(), timeout = 300 }
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(1, json.read(result.stdout).counts.fault.played)
  end)
end)
