-- A smoke test of a system that did not answer said nothing for two minutes: its checks are in no step, and only steps
-- had a heartbeat. And a check that was given up after its time said so, but not what it had been waiting for.

local at_terminal = require "tests.support.terminal"
local captured = require "tests.support.captured"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local progress = require "o2x.report.progress"
local raised = require "tests.support.raised"
local retry = require "o2x.base.retry"
local task = require "o2x.base.task"
local toys = require "tests.support.toy"

local SEALED <const> = errors.new { kind = "unreachable", message = "sealed", hint = "unseal it", retryable = true }

-- Fails until it is ready, with pauses that a time limit cuts off.
local function reading(is_ready)
  return function()
    retry.read({ first_pause = 0.001 }, function()
      if not is_ready() then error(SEALED, 0) end
    end)
    task.sleep(60)
  end
end

describe("what is waited for outside of all steps", function()
  it("is shown on a terminal while it lasts", function()
    local toy <close> = toys.new()
    fs.write(
      toy.project .. "/runbooks/paint.lua",
      [[
local runbook = require "o2x.runbook"
return runbook {
  name = "paint", version = "1.0.0", api = 1, summary = "Looks at the paint", effects = {},
  run = function() check("the paint is dry", function() sleep(0.5) return true end) end,
}
]]
    )
    local result = at_terminal(toy, { "run", "paint", "alpha" }, "")
    assert.equal(0, result.code, result.stdout)
    assert.matches("%d s  the paint is dry\n.*✓ the paint is dry", result.stdout)
  end)

  it("has a heartbeat in a pipe, with what is tried again, until it has ended", function()
    local _, text = captured(function()
      local report = progress.new { live = false }
      report:waiting("", "the queues")
      report:heartbeat()
      report:retry("", "broker", 1, SEALED, 1)
      report:heartbeat()
      report:check("", "the queues", true)
      report:heartbeat()
    end)
    local first, second, rest =
      text:match "^[^\n]-still running after [^\n]-: ([^\n]+)\n[^\n]-: retry in ([^\n]+)\n(.*)$"
    assert.equal("the queues", first, text)
    assert.matches("broker: sealed$", second)
    assert.matches("^[%d:]+ ✓ the queues\n$", rest)
  end)
end)

describe("the end of a time limit", function()
  it("says what was being tried again, and what to do about it", function()
    local err = raised(task.timeout, 0.05, reading(function() return false end))
    assert.equal("timeout", err.kind)
    assert.equal("took longer than 0.05 s: sealed", err.message)
    assert.equal("unseal it", err.hint)
  end)

  it("says nothing of what has succeeded since", function()
    local tries = 0
    local err = raised(
      task.timeout,
      0.2,
      reading(function()
        tries = tries + 1
        return tries > 1
      end)
    )
    assert.equal("took longer than 0.2 s", err.message)
    assert.equal(2, tries)
  end)
end)
