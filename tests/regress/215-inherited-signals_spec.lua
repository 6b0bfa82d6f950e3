-- A parent that ignores SIGCHLD hands that down, and the kernel then keeps no exit code: every program that o2x started
-- seemed to have failed. One that had blocked SIGTERM left a run that could not be stopped.

local eventually = require "tests.support.eventually"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local BLOCKING <const> =
  [[set -- perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); exec @ARGV' "$@";]]

describe("signals that the parent changed", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("take no exit code from the programs that are started", function()
    toy:runbook("child", [[ toy.somebody("true") toy.ensure("one", 1) ]])
    local result = toy:shell({ "run", "child", "alpha" }, "", "trap '' CHLD;")
    assert.equal(0, result.code, result.stderr)
    assert.same({ one = 1 }, toy:holds())
  end)

  it("keep nobody from stopping a run", function()
    toy:runbook("slow", [[ toy.ensure("one", 1) toy.wait(300) ]])
    local child <close> = toy:start_shell({ "run", "slow", "alpha" }, BLOCKING)
    eventually("the first effect", function() return toy:holds().one end)
    child:kill(15)
    assert.equal(130, (proc.wait(child, 60)))
    assert.equal("interrupted", toy:json({ "runs", "--json" })[1].status)
  end)
end)
