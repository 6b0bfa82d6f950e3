-- Steps that somebody has done by hand, from outside: the program runs as a child process against the toy platform.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("resume --skip", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function by_hand(name, value) fs.write(("%s/%s"):format(toy.system, name), value) end

  local function failed(body, fault)
    toy:runbook("hand", body)
    toy:fault(fault or "c", "failed")
    local result = toy:o2x { "run", "hand", "alpha" }
    assert.equal(1, result.code, result.stderr)
    return result, result.stderr:match "next: o2x resume (R%-[%w-]+)"
  end

  local function skip(step, ...) return toy:o2x { "resume", "--skip=" .. step, "--reason=by hand, it broke", ... } end

  -- Refused, and nothing of it is in the journal or in the system.
  local function refused(id, says, result)
    local journal = fs.read(("%s/%s/journal"):format(toy.state, id))
    assert.equal(3, result.code, result.stderr)
    assert.truthy(result.stderr:find(says, 1, true), result.stderr)
    assert.equal(journal, fs.read(("%s/%s/journal"):format(toy.state, id)))
  end

  local PAINT <const> = [[
    step("Make", toy.ensure, "a", 1)
    local made = step("Paint", function()
      toy.ensure("b", 2)
      toy.once("c", 3)
      check("is blue", function() return toy.read("c") == 3, "it is not" end)
      return { coats = 7 }
    end)
    step("After", toy.ensure, "d", made.coats)
  ]]

  it("is refused while something is missing, which is shown as a plan shows it", function()
    local _, id = failed(PAINT)
    local before = toy:holds()
    refused(id, "Paint cannot be skipped: not everything is there", skip "Paint")
    refused(id, "+ c", skip "Paint")
    by_hand("c", "4")
    refused(id, "~ c", skip "Paint")
    fs.remove(toy.system .. "/c")
    fs.remove(toy.system .. "/b")
    refused(id, "+ b", skip "Paint")
    by_hand("b", "2")
    assert.same(before, toy:holds())
  end)

  it("goes on after a step that is all there, with the result that its plan has", function()
    local _, id = failed(PAINT)
    by_hand("c", "3")
    local writes = #toy:writes()
    local result = ok(skip "Paint")
    assert.truthy(result.stderr:find("Paint: skipped: by hand, it broke", 1, true), result.stderr)
    assert.same({ a = 1, b = 2, c = 3, d = 7 }, toy:holds())
    assert.equal(writes + 1, #toy:writes())
    local shown = toy:json { "show", id, "--json" }
    assert.equal("done", shown.status)
    assert.equal("skipped", shown.steps[2].status)
    assert.equal("by hand, it broke", shown.steps[2].skipped.reason)
    assert.truthy(shown.steps[2].skipped.user and shown.steps[2].skipped.at)
    assert.truthy(ok(toy:o2x { "show", id }).stdout:find("by hand, it broke", 1, true))
    ok(toy:o2x { "undo", id, "--confirm=alpha" }) -- what was done by hand stays
    assert.same({ c = 3 }, toy:holds())
  end)

  it("is remembered: a run that fails later is resumed after the step", function()
    failed(PAINT)
    by_hand("c", "3")
    toy:fault("d", "failed")
    assert.equal(1, skip("Paint").code)
    fs.remove(toy.system .. "/c") -- a finished step is not looked at again
    ok(toy:o2x { "resume" })
    assert.same({ a = 1, b = 2, d = 7 }, toy:holds())
  end)

  it("is offered where a run fails, between the two other ways; the next command is the last word", function()
    local result, id = failed(PAINT)
    local block = (
      "  to go back: o2x undo R\n  done by hand: o2x resume R --skip=Paint --reason='done by hand'\n"
      .. "  next: o2x resume R\n"
    ):gsub("%f[%w]R%f[^%w]", id)
    assert.equal(block, result.stderr:sub(-#block))
  end)

  local refusals = {
    ["a check that does not hold"] = {
      [[step("Paint", function() toy.once("c", 3) check("is dry", function() return false, "wet" end) end)]],
      { c = "3" },
      "check failed: is dry: wet",
    },
    ["a check that comes after what is missing"] = { PAINT, {}, "? Paint: is blue" },
    ["a step that fails whatever is there"] = {
      [[step("Paint", function() toy.once("c", 3) fail("never") end)]],
      { c = "3" },
      "never",
    },
    ["a result that is known only when it runs"] = {
      [[local number = toy.number("n") step("Paint", function() toy.once("c", 3) return number end)]],
      { c = "3" },
      "its result is known only when it runs",
      gone = "number-1",
    },
  }
  for what, case in pairs(refusals) do
    it("is refused for " .. what, function()
      local _, id = failed(case[1])
      for name, value in pairs(case[2]) do
        by_hand(name, value)
      end
      if case.gone then fs.remove(toy.system .. "/" .. case.gone) end
      refused(id, case[3], skip "Paint")
    end)
  end

  it("knows which step may be meant", function()
    local _, id = failed(PAINT)
    by_hand("c", "3")
    refused(id, "has no step Paimt; did you mean Paint?", skip "Paimt")
    refused(id, "Make is done already", skip "Make")
    refused(id, "Make is done already", skip "1")
    refused(id, "Paint comes before it, and is not done", skip "After")
    refused(id, "--skip needs --reason=TEXT", toy:o2x { "resume", id, "--skip=Paint" })
    refused(id, "--skip needs --reason=TEXT", toy:o2x { "resume", id, "--skip=Paint", "--reason= " })
    refused(id, "must be one line", toy:o2x { "resume", id, "--skip=Paint", "--reason=a\nb" })
    refused(id, "--reason belongs to --skip", toy:o2x { "resume", id, "--reason=x" })
    ok(skip "2") -- by its number
    refused(id, "is already done", skip("Paint", id))
  end)

  it("may be a step inside another, or all of that one", function()
    local NESTED <const> = [[
      step("House", function()
        step("Floor", toy.ensure, "a", 1)
        step("Wall", toy.once, "c", 3)
        step("Roof", toy.ensure, "r", 4)
      end)
      step("After", toy.ensure, "d", 5)
    ]]
    local result, id = failed(NESTED)
    assert.truthy(result.stderr:find("--skip=House/Wall", 1, true), result.stderr)
    by_hand("c", "3")
    refused(id, "+ r", skip "House")
    refused(id, "House/Wall comes before it", skip "House/Roof")
    ok(skip "House/Wall")
    assert.same({ a = 1, c = 3, r = 4, d = 5 }, toy:holds())
    toy:reset()
    id = select(2, failed(NESTED))
    by_hand("c", "3")
    by_hand("r", "4")
    local writes = #toy:writes()
    ok(skip "House")
    assert.equal(writes + 1, #toy:writes())
    local steps = toy:json({ "show", id, "--json" }).steps
    assert.same({ "skipped", "done", "skipped" }, { steps[1].status, steps[2].status, steps[3].status })
  end)

  it("may be one of several that are done at the same time", function()
    local _, id = failed [[
      local found = parallel {
        wall = function() return step("Wall", function() toy.once("c", 3) return "brick" end) end,
        roof = function() return step("Roof", function() toy.ensure("r", 4) return "slate" end) end,
      }
      step("After", toy.ensure, "d", found.wall .. found.roof)
    ]]
    refused(id, "+ c", skip "Wall")
    by_hand("c", "3")
    ok(skip "Wall")
    assert.same({ c = 3, r = 4, d = "brickslate" }, toy:holds())
  end)

  it("takes the operator's word where nobody can be asked, once the run has begun it", function()
    toy:runbook("hand", [[step("Shout", toy.blind, "loud", 1) step("After", toy.ensure, "d", 5)]])
    toy:fault("loud", "unknown")
    assert.are_not.equal(0, toy:o2x({ "run", "hand", "alpha" }).code)
    local again = toy:o2x { "resume" }
    assert.truthy(again.stderr:find("if it was done: o2x resume R", 1, true), again.stderr)
    ok(skip "Shout")
    assert.same({ d = 5 }, toy:holds())
    assert.equal("created", toy:json({ "show", "--json" }).effects[1].outcome)
  end)

  it("does not take it for what the run has not begun", function()
    local _, id = failed [[step("Shout", function() toy.once("c", 3) toy.blind("loud", 1) end)]]
    by_hand("c", "3")
    refused(id, "+ loud", skip "Shout")
  end)

  it("is for the run of one tenant, and not for an undo", function()
    toy:runbook("hand", PAINT)
    toy:fault("c", "failed")
    local result = toy:o2x { "run", "hand", "--tenants=alpha,beta" }
    local fleet = result.stderr:match "next: o2x resume (F%-[%w-]+)"
    local refusal = skip("Paint", fleet)
    assert.equal(3, refusal.code)
    assert.truthy(refusal.stderr:find("--skip is for the run of one tenant", 1, true), refusal.stderr)
    assert.equal(3, skip("Paint").code)
    by_hand("c", "3")
    ok(skip("Paint", (toy:json { "runs", "--json" })[1].id))

    toy:reset()
    ok(toy:o2x { "run", "build", "alpha" })
    toy:fault("roof", "failed")
    local undo = toy:o2x { "undo", (toy:json { "runs", "--json" })[1].id, "--confirm=alpha" }
    assert.equal(1, undo.code, undo.stderr)
    assert.is_nil(undo.stderr:find("--skip", 1, true))
    refusal = skip "Build"
    assert.equal(3, refusal.code)
    assert.truthy(refusal.stderr:find("is an undo, which has no steps to skip", 1, true), refusal.stderr)
  end)

  it("is killed at any arrow and resumed: the step is not done again", function()
    local at = 0
    repeat
      at = at + 1
      toy:reset()
      failed(PAINT)
      by_hand("c", "3")
      local words = { "resume", "--skip=Paint", "--reason=by hand" }
      local killed = toy:o2x(words, { O2X_KILL_AT = tostring(at) }).signal == 9
      if killed then ok(toy:o2x { "resume" }) end
      assert.same({ a = 1, b = 2, c = 3, d = 7 }, toy:holds(), "killed at " .. at)
    until not killed
    assert.is_true(at > 4)
  end)
end)
