-- A step or a check that asks nothing was dropped from a runbook, and o2x replay --project said "the same": only calls
-- that nobody made any more were missed. Branches that are cancelled may end earlier in a replay than they did.

local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a replay", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function pack(body, code)
    toy:runbook("body", body)
    assert.equal(code, toy:o2x({ "run", "body", "alpha", "--quiet" }).code)
    local path = toy.dir .. "/a.capsule"
    ok(toy:o2x { "capsule", toy:json({ "show", "--json" }).id, "--out=" .. path, "--overwrite" })
    return path
  end

  it("misses a step that asks nothing, however the run ended", function()
    local asks = 'toy.ensure("a", 1) '
    for _, row in ipairs { { "", 0 }, { asks, 0 }, { asks .. 'fail("no")', 1 }, { 'step("B", fail, "no")', 1 } } do
      local path = pack('step("A", function() return 1 end) ' .. row[1], row[2])
      toy:runbook("body", row[1])
      local found = toy:o2x { "replay", path, "--project=." }
      assert.equal(2, found.code, found.stdout .. found.stderr)
      assert.truthy(found.stdout:find('step "A"', 1, true), found.stdout)
    end
  end)

  it("misses no step of a branch that was cancelled after a sleep", function()
    local path = pack(
      [[
      toy.ensure("first", 1)
      pcall(parallel, {
        bad = function() toy.wait(0.3) toy.ensure("bad", 1) fail("bad") end,
        slow = function() sleep(0.05) step("Slow", function() return 1 end) sleep(20) end,
      })
      toy.ensure("last", 1)]],
      0
    )
    assert.equal(0, toy:o2x({ "replay", path }).code)
  end)
end)
