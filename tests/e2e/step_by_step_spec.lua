-- o2x run --step-by-step, from outside: the program runs at a terminal, against the toy platform.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local terminal = require "tests.support.terminal"
local toys = require "tests.support.toy"

local QUESTION <const> = "[y]es [s]kip [q]uit [a]ll the rest [?]"

describe("step by step", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local HOUSE <const> = [[
    step("Make", toy.ensure, "a", 1)
    local made = step("Paint", function() toy.ensure("b", 2) toy.once("c", 3) return { n = 7 } end)
    step("Same", toy.ensure, "a", 1)
    parallel { x = function() step("X", toy.ensure, "x", 1) end, y = function() step("Y", toy.ensure, "y", 1) end }
    step("After", function() toy.ensure("d", made.n) check("is there", function() return toy.read "d" == 7 end) end)
  ]]

  local function run(answers, options)
    toy:runbook("house", HOUSE)
    return terminal(toy, { "run", "house", "alpha", "--step-by-step" }, answers, options)
  end

  local function count(text, what) return select(2, text:gsub(what:gsub("%p", "%%%0"), "")) end

  local function has(text, what) assert.truthy(text:find(what, 1, true), text) end

  it("asks before each outermost step, shows its change, and passes over what changes nothing", function()
    local result = run "y\ny\ny\ny\n"
    assert.equal(0, result.code, result.stdout)
    assert.same({ a = 1, b = 2, c = 3, x = 1, y = 1, d = 7 }, toy:holds())
    assert.equal(4, count(result.stdout, QUESTION))
    has(result.stdout, "Same: nothing to change")
    has(result.stdout, "X, Y  (at the same time)")
    assert.matches("Paint\n.-%+ b\n.-%+ c\n", result.stdout)
    assert.matches("After\n.-%+ d\n.-%? After: is there", result.stdout)
  end)

  for what, case in pairs {
    ["q"] = { "y\nq\n", { a = 1 } },
    ["Ctrl-D"] = { "y\n\4", { a = 1 } },
    ["q at the first question"] = { "quit\n", {} },
    ["Ctrl-C"] = { function() return "\3" end, {} },
  } do
    it("stops at " .. what .. " with nothing of the step done, and the run can go on", function()
      local result = run(case[1])
      assert.equal(130, result.code, result.stdout)
      assert.same(case[2], toy:holds())
      assert.matches("interrupted  house alpha.*next: o2x resume R%-[%w-]+\n*$", result.stdout)
      assert.equal("interrupted", toy:json({ "runs", "--json" })[1].status)
      ok(toy:o2x { "resume" })
      assert.same({ a = 1, b = 2, c = 3, x = 1, y = 1, d = 7 }, toy:holds())
    end)
  end

  it("asks no more after a, and explains itself after ? and what it does not know", function()
    local result = run "?\nyep\nY\n ALL \n"
    assert.equal(0, result.code, result.stdout)
    assert.equal(4, count(result.stdout, QUESTION))
    assert.equal(2, count(result.stdout, "q  quit"))
    assert.same({ a = 1, b = 2, c = 3, x = 1, y = 1, d = 7 }, toy:holds())
  end)

  it("skips what its own reads prove, says what is missing, and asks again", function()
    local result = run("y\ns\nno\ns\n\ny\na\n")
    has(result.stdout, "Paint cannot be skipped: not everything is there")
    has(result.stdout, "not skipped: the journal keeps the reason, and there was none")
    assert.equal(0, result.code, result.stdout)

    toy:reset()
    toy:runbook("house", HOUSE)
    assert.equal(130, terminal(toy, { "run", "house", "alpha", "--step-by-step" }, "y\nq\n").code)
    result = terminal(toy, { "resume", "--step-by-step" }, function()
      fs.write(toy.system .. "/b", "2")
      fs.write(toy.system .. "/c", "3")
      return "s\nthe painter came\na\n"
    end)
    assert.equal(0, result.code, result.stdout)
    assert.same({ a = 1, b = 2, c = 3, x = 1, y = 1, d = 7 }, toy:holds())
    local steps = toy:json({ "show", "--json" }).steps
    assert.equal("the painter came", steps[2].skipped.reason)
    assert.is_nil(table.concat(toy:writes(), "\n"):find "^[bc] ")
  end)

  it("shows the first lines of a long change, and all of them after f", function()
    toy:runbook(
      "house",
      [[
      local rooms = {}
      for i = 1, 30 do rooms["room" .. i] = i end
      step("Make", toy.ensure, "a", rooms)
    ]]
    )
    local result = terminal(toy, { "run", "house", "alpha", "--step-by-step" }, "f\nq\n")
    assert.equal(2, count(result.stdout, "+ room1: 1"))
    assert.equal(1, count(result.stdout, "+ room9: 9"))
    has(result.stdout, "… 18 more lines (f shows them)")
  end)

  it(
    "does not skip together what is done at the same time",
    function() has(run("y\ny\ns\nq\n").stdout, "not together: q, then o2x resume R-") end
  )

  it("shows what is there now, not what was there at the beginning", function()
    toy:runbook("house", [[step("Make", toy.ensure, "a", 1) step("Paint", toy.ensure, "b", 2)]])
    local result = terminal(toy, { "run", "house", "alpha", "--step-by-step" }, function()
      fs.write(toy.system .. "/b", "9")
      return "y\ny\n"
    end)
    assert.matches("Paint\n.-~ b\n", result.stdout)
    assert.same({ a = 1, b = 2 }, toy:holds())
  end)

  it("leaves the script's own variables alone", function()
    toy:runbook(
      "house",
      [[
      local list = {}
      step("Make", function() list[#list + 1] = "x" toy.ensure("a", #list) end)
      step("Paint", function() list[#list + 1] = "x" toy.ensure("b", #list) end)
    ]]
    )
    assert.equal(0, terminal(toy, { "run", "house", "alpha", "--step-by-step" }, "y\ny\n").code)
    assert.same({ a = 1, b = 2 }, toy:holds())
  end)

  it("asks about a step that cannot be planned, and says why", function()
    toy:runbook("house", [[step("Make", function() toy.ensure("a", 1) fail("the ground is wet") end)]])
    local result = terminal(toy, { "run", "house", "alpha", "--step-by-step" }, "y\n")
    has(result.stdout, ": the ground is wet")
    assert.equal(1, result.code)
    assert.same({ a = 1 }, toy:holds())
  end)

  it("fits into 40 columns, and asks with --quiet, too", function()
    local result = run("?\na\n", { columns = 40 })
    assert.equal(0, result.code, result.stdout)
    for line in result.stdout:match("(.-)\ndone "):gmatch "[^\n]+" do
      if not line:find "^house 1.0.0" then assert.is_true(utf8.len(line) <= 40, line) end
    end
    toy:reset()
    toy:runbook("house", HOUSE)
    result = terminal(toy, { "run", "house", "alpha", "--step-by-step", "--quiet" }, "q\n")
    assert.equal(1, count(result.stdout, QUESTION))
  end)

  it("asks while a run is resumed, or applied as planned, or takes another one back", function()
    toy:runbook("house", HOUSE)
    ok(toy:o2x { "plan", "house", "alpha", "--out=house.plan" })
    local result = terminal(toy, { "apply", "house.plan", "--step-by-step" }, "y\nq\n")
    assert.same({ a = 1 }, toy:holds())
    assert.equal(130, result.code, result.stdout)
    result = terminal(toy, { "resume", "--step-by-step" }, "y\na\n")
    assert.equal(0, result.code, result.stdout)
    assert.equal(2, count(result.stdout, QUESTION))
    toy:fault("c", "failed")
    assert.equal(1, toy:o2x({ "undo", toy:json({ "runs", "--json" })[1].id, "--confirm=alpha" }).code)
    result = terminal(toy, { "resume", "--step-by-step" }, "s\ny\ny\n")
    has(result.stdout, "an undo has no steps to skip")
    assert.equal(0, result.code, result.stdout)
    assert.same({}, toy:holds())
  end)

  it("is refused without a terminal, and for several tenants, with one line and nothing done", function()
    toy:runbook("house", HOUSE)
    for _, words in ipairs {
      { "run", "house", "alpha", "--step-by-step" },
      { "run", "house", "--tenants=alpha,beta", "--step-by-step" },
    } do
      local result = toy:o2x(words)
      assert.equal(3, result.code)
      assert.matches("^o2x: %-%-step%-by%-step [^\n]+\n     [^\n]+\n$", result.stderr)
    end
    assert.same({}, toy:json { "runs", "--json" })
    toy:fault("a", "failed")
    local fleet = toy:o2x({ "run", "house", "--tenants=alpha,beta" }).stderr:match "resume (F%-[%w-]+)"
    has(terminal(toy, { "resume", fleet, "--step-by-step" }, "y\n").stdout, "is for the run of one tenant")
    assert.equal(3, toy:o2x({ "resume", "--step-by-step" }).code)
    assert.same({}, toy:holds())
  end)
end)
