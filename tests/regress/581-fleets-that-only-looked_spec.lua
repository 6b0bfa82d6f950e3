-- A run over several tenants that only looked and was interrupted stayed unfinished, where the run of one does not: a
-- later o2x resume went on with a smoke test instead of with what had been written.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local LOOKS <const> =
  [[step("Look", function() toy.somebody("touch $STATE/.looks; test -e $STATE/.go || sleep 60") end)]]

describe("a run over several tenants that only looked", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:runbook("look", LOOKS)
  end)
  after_each(function() toy:__close() end)

  local function cut_off(signal)
    local log = toy.dir .. "/said"
    local child <close> = toy:start({ "run", "look", "--tenants=alpha,beta" }, nil, log)
    eventually("a look", function() return fs.exists(toy.state .. "/.looks") end)
    child:kill(signal)
    proc.wait(child, 60)
    fs.write(toy.state .. "/.go", "")
    return fs.read(log)
  end

  local function unfinished() return toy:json { "runs", "--unfinished", "--json" } end

  it("is not unfinished when it is interrupted: it is started again", function()
    assert.matches("interrupted  look: 0 of 2 tenants; next: .* run look %-%-tenants=alpha,beta\n$", cut_off(2))
    assert.same({}, unfinished())
    assert.matches("F%-%S+ stopped before it wrote anything, and starts again", ok(toy:o2x { "resume" }).stderr)
    assert.matches("no unfinished run", toy:o2x({ "resume" }).stderr)
  end)

  it("is not unfinished when it is killed, and does not hide a run that wrote", function()
    toy:runbook("half", [[step("Make", toy.ensure, "a", 1) step("Use", function() fail("no") end)]])
    assert.equal(1, toy:o2x({ "run", "half", "alpha" }).code)
    cut_off(9)
    local open = unfinished()
    assert.same({ 1, "half" }, { #open, open[1].runbook })
    toy:runbook("half", [[step("Make", toy.ensure, "a", 1)]])
    assert.matches("resuming half", ok(toy:o2x { "resume", "--edited" }).stderr)
  end)

  it("can be dismissed all the same", function()
    cut_off(2)
    local id = ok(toy:o2x { "runs" }).stdout:match "F%-%S+"
    ok(toy:o2x { "dismiss", id, "--reason=seen" })
    assert.matches("no unfinished run", toy:o2x({ "resume" }).stderr)
  end)
end)
