-- What is unfinished: a table of how runs end, and what o2x runs --unfinished, o2x resume and o2x show say of each. All
-- three agree. What was dismissed is settled, can be taken back, and goes on only if it is named.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local WRITES <const> = [[step("one", toy.ensure, tenant.name .. "-one", 1)]]

-- what, body of run, how it ends; open: it is unfinished
local CASES <const> = {
  { "a run that is done", WRITES, code = 0 },
  { "a check that fails", [[check("it rains", function() fail("the sky is clear") end)]], code = 1 },
  { "a step that fails before a write", [[step("look", function() fail("nothing there") end)]], code = 1 },
  { "an error of the script before a write", [[local x = nil; return x.y]], code = 1 },
  { "an effect that has nothing to do, then a failure", "toy.ensure('there', 1) fail 'no'", code = 1, there = true },
  { "a refused run", [[invalid("no such size", "take another")]], code = 3 },
  { "a failure after a write", WRITES .. [[ step("two", function() fail("stop") end)]], code = 1, open = true },
  {
    "a check that fails after a write",
    WRITES .. [[ check("no", function() fail("stop") end)]],
    code = 1,
    open = true,
  },
  { "an assertion after a write", WRITES .. [[ assert(1 == 2, "one is not two")]], code = 1, open = true },
  { "a write that fails", WRITES, fault = "failed", code = 1, open = true },
  { "a write of which nobody knows", WRITES, fault = "unknown", kill = "3", signal = 9, open = true },
  { "a run that was killed after its intent", WRITES, kill = "2", signal = 9, open = true },
}

describe("unfinished runs", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function unfinished()
    local ids = {}
    for i, one in ipairs(toy:json { "runs", "--unfinished", "--json" }) do
      ids[i] = one.id
    end
    return ids
  end

  for _, case in ipairs(CASES) do
    it((case.open and "are: " or "are not: ") .. case[1], function()
      if case.there then fs.write(toy.system .. "/there", "1") end
      if case.fault then toy:fault("alpha-one", case.fault) end
      toy:runbook("work", case[2])
      local result = toy:o2x({ "run", "work", "alpha" }, { O2X_KILL_AT = case.kill })
      assert.equal(case.signal or case.code, result.signal or result.code, result.stderr)
      local id = toy:json({ "runs", "--json" })[1].id
      assert.same(case.open and { id } or {}, unfinished())
      if not case.signal and case.code == 1 then
        local last = result.stderr:match "([^\n]*)\n$"
        assert.matches(
          case.open and "next: .*o2x.* resume " .. id:gsub("%p", "%%%0") or "next: .*o2x.* run work alpha$",
          last
        )
      end
      local shown = ok(toy:o2x { "show", id }).stdout
      assert.equal(case.open or false, shown:find "next: .*o2x.* resume" ~= nil, shown)
      if case.open then return end
      local resumed = toy:o2x { "resume" }
      assert.equal(3, resumed.code)
      assert.matches("no unfinished run", resumed.stderr)
    end)
  end

  local function fail(tenant)
    toy:runbook("frail", WRITES .. [[ step("two", function() fail("stop") end)]])
    assert.equal(1, toy:o2x({ "run", "frail", tenant }).code)
    local runs = toy:json { "runs", "--json" }
    return runs[#runs].id
  end

  it("are settled by dismissing them; the reason is kept, and an undo is possible", function()
    local id = fail "alpha"
    assert.equal(3, toy:o2x({ "dismiss", id }).code)
    assert.matches("dismissed with %-%-reason=TEXT", toy:o2x({ "dismiss", id, "--reason= " }).stderr)
    assert.same({ id }, unfinished())
    local said = ok(toy:o2x { "dismiss", id, "--reason=done in the console" })
    assert.matches("^dismissed  " .. id:gsub("%p", "%%%0") .. ": done in the console; ", said.stderr)
    assert.same({}, unfinished())
    assert.matches("no unfinished run", toy:o2x({ "resume" }).stderr)
    assert.matches("dismissed by .*: done in the console", ok(toy:o2x { "show", id }).stdout)
    assert.matches("%(dismissed by .*: done in the console%)", ok(toy:o2x { "runs" }).stdout)
    local again = toy:o2x { "dismiss", id, "--reason=x" }
    assert.equal(3, again.code)
    assert.matches("was dismissed already", again.stderr)
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("go on all the same if they are named, and count again", function()
    local id = fail "alpha"
    ok(toy:o2x { "dismiss", id, "--reason=x" })
    assert.equal(1, toy:o2x({ "resume", id }).code)
    assert.same({ id }, unfinished())
  end)

  it("are not those that run: these cannot be dismissed", function()
    toy:runbook("slow", WRITES .. " toy.wait(300)")
    local child <close> = toy:start { "run", "slow", "alpha" }
    eventually("the write", function() return toy:holds()["alpha-one"] end)
    local id = toy:json({ "runs", "--json" })[1].id
    assert.same({}, unfinished())
    local refused = toy:o2x { "dismiss", id, "--reason=x" }
    assert.equal(3, refused.code)
    assert.matches("is still running", refused.stderr)
    child:kill(9)
    proc.wait(child, 60)
    assert.same({ id }, unfinished())
  end)

  it("say that they can only fail again, and what to do", function()
    toy:runbook("wrong", WRITES .. [[ step("two", function() local x = nil; return x.y end)]])
    local first = toy:o2x { "run", "wrong", "alpha" }
    local id = toy:json({ "runs", "--json" })[1].id
    local edited = "next: .*o2x.* resume " .. id:gsub("%p", "%%%0") .. " %-%-edited\n$"
    for _, result in ipairs { first, toy:o2x { "resume", id }, toy:o2x { "resume", id, "--edited" } } do
      assert.equal(1, result.code)
      assert.matches("fails there again as it is: edit runbooks/wrong.lua:5 first", result.stderr)
      assert.matches("to leave it: .* dismiss " .. id:gsub("%p", "%%%0"), result.stderr)
      assert.matches(edited, result.stderr)
    end
    assert.matches("goes on with the same script", toy:o2x({ "resume" }).stderr)
    assert.matches("no script was edited since", toy:o2x({ "resume", "--edited" }).stderr)
    assert.matches("runbooks/wrong.lua:5 is as it is", ok(toy:o2x { "show", id }).stdout)
    toy:runbook("wrong", WRITES)
    ok(toy:o2x { "resume", id, "--edited" })
  end)

  it("say that they failed in the same way before", function()
    local id = fail "alpha"
    local again = toy:o2x { "resume", id }
    assert.matches("it failed in the same way before", again.stderr)
    assert.matches("next: .*o2x.* resume " .. id:gsub("%p", "%%%0") .. "\n$", again.stderr) -- the step asks again
    assert.matches("to leave it: .* dismiss ", again.stderr)
  end)

  it("of what the script made of steps that are done go nowhere: they are taken back", function()
    toy:runbook("frail", WRITES .. [[ fail "stop"]])
    assert.matches("next: .*o2x.* resume R", toy:o2x({ "run", "frail", "alpha" }).stderr)
    assert.matches("next: .*o2x.* undo R%-[%w-]+\n$", toy:o2x({ "resume" }).stderr)
  end)

  it("of several tenants are one, which every command knows", function()
    toy:runbook("frail", WRITES .. [[ step("two", function() if tenant.name == "beta" then fail("stop") end end)]])
    assert.equal(1, toy:o2x({ "run", "frail", "--tenants=alpha,beta" }).code)
    local id = unfinished()[1]
    assert.matches("^F%-", id)
    assert.equal(1, #unfinished())
    assert.matches(id:gsub("%p", "%%%0") .. " +frail +2 tenants .*failed", ok(toy:o2x { "runs" }).stdout)
    assert.equal(3, select(2, ok(toy:o2x({ "runs", id })).stdout:gsub("\n", "\n")))
    local shown = ok(toy:o2x { "show", id }).stdout
    assert.matches("beta +failed", shown)
    assert.matches("next: .* resume " .. id:gsub("%p", "%%%0"), shown)
    assert.equal("failed", toy:json({ "show", id, "--json" }).status)
    assert.equal(2, select(2, ok(toy:o2x { "capsule", id }).stderr:gsub("next: o2x replay R%-", "")))
    ok(toy:o2x { "dismiss", id, "--reason=beta has left" })
    assert.same({}, unfinished())
    assert.matches("no unfinished run", toy:o2x({ "resume" }).stderr)
    assert.matches("dismissed by .*beta has left", ok(toy:o2x { "show", id }).stdout)
    assert.equal(3, toy:o2x({ "dismiss", id, "--reason=x" }).code)
    assert.equal(1, toy:o2x({ "resume", id }).code) -- all of it again
    assert.same({ id }, unfinished())
    ok(toy:o2x { "undo", id, "--confirm=alpha,beta" })
    assert.same({}, unfinished())
    assert.same({}, toy:holds())
  end)

  it("that were cut off before they wrote are none, but o2x resume starts the newest again", function()
    toy:runbook("work", WRITES)
    assert.equal(9, toy:o2x({ "run", "work", "alpha" }, { O2X_KILL_AT = "1" }).signal)
    assert.same({}, unfinished())
    assert.matches("stopped before it wrote anything, and starts again", ok(toy:o2x { "resume" }).stderr)
    assert.same({ ["alpha-one"] = 1 }, toy:holds())
  end)
end)
