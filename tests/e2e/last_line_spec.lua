-- Ctrl-C, once and twice, at any moment: the last line says how it ended and what to type next, and that works.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local INT <const> = 2

local WAITS <const> = "toy.ensure('ready', 1) toy.wait(300)"
local STUBBORN <const> = "toy.ensure('ready', 1) toy.stubborn(300)"
local LOOKS <const> = "toy.wait(300)"

-- what, words, body of the runbook; twice; last: the last line, a pattern
local CASES <const> = {
  { "a run", { "run", "busy", "alpha" }, WAITS, "next: .* resume R%-%S+$" },
  {
    "a run, twice",
    { "run", "busy", "alpha" },
    STUBBORN,
    "^interrupted  ended at once; next: .* resume R%-",
    twice = true,
  },
  {
    "a quiet run, twice",
    { "run", "busy", "alpha", "--quiet" },
    STUBBORN,
    "; next: .* resume R%-",
    twice = true,
    quiet = true,
  },
  { "a plan", { "plan", "busy", "alpha" }, LOOKS, "^o2x: interrupted; next: .* plan busy alpha$", looks = true },
  { "a guide", { "guide", "busy", "alpha" }, LOOKS, "^o2x: interrupted; next: .* guide busy alpha$", looks = true },
  {
    "several tenants",
    { "run", "busy", "--tenants=alpha,beta" },
    WAITS,
    "^interrupted  busy: 0 of 2 tenants; next: .* resume F%-",
  },
  {
    "several tenants, twice",
    { "run", "busy", "--tenants=alpha,beta" },
    STUBBORN,
    "^interrupted  ended at once; next: .* resume F%-",
    twice = true,
  },
}

describe("Ctrl-C ends with a last line:", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  -- What the program said, once it has ended.
  local function interrupted(case)
    local log = toy.dir .. "/said"
    local child <close> = toy:start(case[2], nil, log)
    local function said() return fs.read_if(log) or "" end
    local at = case.twice and "/.stubborn" or "/ready"
    eventually("work", function()
      if case.looks then return said():find "nothing to show yet" end
      return fs.exists(toy.system .. at)
    end)
    child:kill(INT)
    if case.twice then
      eventually("the first word", function() return said():find "interrupt again" or case.quiet end)
      proc.wait(child, 1)
      child:kill(INT)
    end
    return proc.wait(child, 60), said()
  end

  for _, case in ipairs(CASES) do
    it(case[1], function()
      toy:runbook("busy", "step('Work', function() " .. case[3] .. " end)")
      local code, said = interrupted(case)
      assert.equal(130, code, said)
      local last = said:match "([^\n]*)\n*$"
      assert.matches(case[4], last)
      local id = last:match "resume ([RF]%-%S+)"
      if not id then return end
      toy:runbook("busy", "step('Work', function() toy.ensure('ready', 1) end)")
      local resumed = toy:o2x { "resume", id, "--edited" }
      assert.equal(0, resumed.code, resumed.stderr)
    end)
  end

  it("a table of several tenants comes before it", function()
    toy:runbook("busy", "step('Work', function() " .. WAITS .. " end)")
    local _, said = interrupted(CASES[6])
    assert.matches("TENANT +STATUS.*alpha +interrupted.*beta +not begun.*\ninterrupted  busy: ", said)
  end)
end)
