-- The engine from outside: the program runs as a child process against the toy platform (tests/support/toy).

local defer = require "o2x.base.defer"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local toys = require "tests.support.toy"

local EVERYTHING = {
  ["number-1"] = { owner = "alpha", number = 1 },
  house = { owner = "alpha" },
  roof = { colour = "red" },
  ["room-1"] = { name = "1", chairs = 4 },
  ["room-2"] = { name = "2", chairs = 4 },
  ["room-3"] = { name = "3", chairs = 4 },
  sign = { text = "Alpha Ltd at 1" },
}

describe("a run", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("can be seen before it happens, and the plan writes nothing", function()
    local plan = toy:json { "plan", "build", "alpha", "--json" }
    assert.same({ create = 7, change = 0, delete = 0, unchanged = 0 }, plan.totals)
    assert.same({ { path = "", name = "the house has a roof" } }, plan.checks)
    assert.equal("o2x run build alpha", plan.next)
    assert.same({}, toy:holds())
    assert.same({}, toy:writes())
    local text = ok(toy:o2x { "plan", "build", "alpha" }).stdout
    assert.truthy(text:find("text: (known after apply)", 1, true))
    assert.truthy(text:find("7 to create, 0 to change, 0 to delete, 0 unchanged.", 1, true))
    assert.equal(2, toy:o2x({ "plan", "build", "alpha", "--detailed-exitcode" }).code)
  end)

  it("does it, and the second time there is nothing to do", function()
    local first = toy:json { "run", "build", "alpha", "--json" }
    assert.same({ create = 7, change = 0, delete = 0, unchanged = 0 }, first.totals)
    assert.same(EVERYTHING, toy:holds())
    local second = toy:json { "run", "build", "alpha", "--json" }
    assert.same({ create = 0, change = 0, delete = 0, unchanged = 7 }, second.totals)
    assert.equal(7, #toy:writes())
    assert.equal(0, toy:o2x({ "plan", "build", "alpha", "--detailed-exitcode" }).code)
    assert.truthy(
      toy:o2x({ "plan", "build", "alpha" }).stdout:find("Nothing to do: all 7 effects are up to date.", 1, true)
    )
  end)

  it("puts right what somebody changed, and only that", function()
    ok(toy:o2x { "run", "build", "alpha" })
    fs.write(toy.system .. "/room-2", '{"name":"2","chairs":1}')
    local plan = toy:json { "plan", "build", "alpha", "--json" }
    assert.same({ create = 0, change = 1, delete = 0, unchanged = 6 }, plan.totals)
    assert.same({ "~ chairs: 1 → 4" }, plan.changes[1].diff)
    ok(toy:o2x { "run", "build", "alpha" })
    assert.same(EVERYTHING, toy:holds())
    assert.equal(8, #toy:writes())
  end)

  it("is killed at every arrow and resumed: the same end, nothing done twice", function()
    local at = 0
    repeat
      at = at + 1
      toy:reset()
      local result = toy:o2x({ "run", "build", "alpha" }, { O2X_KILL_AT = tostring(at) })
      if result.signal == 9 then ok(toy:o2x { "resume" }) end
      assert.same(EVERYTHING, toy:holds(), "killed at " .. at)
      assert.equal(7, #toy:writes(), "killed at " .. at)
    until result.signal ~= 9
    assert.equal(7 * 4 + 1, at)
  end)

  it("is killed again and again while it is resumed", function()
    local words, kills = { "run", "build", "alpha" }, 0
    local result
    repeat
      result = toy:o2x(words, { O2X_KILL_AT = "3" })
      if result.signal == 9 then
        words, kills = { "resume" }, kills + 1
      end
    until result.signal ~= 9
    ok(result)
    assert.is_true(kills > 5)
    assert.same(EVERYTHING, toy:holds())
    assert.equal(7, #toy:writes())
  end)

  it("tries again what was surely not done", function()
    toy:fault("room-1", "unreachable")
    ok(toy:o2x { "run", "build", "alpha" })
    assert.same(EVERYTHING, toy:holds())
    assert.equal(1, toy:json({ "show", "--json" }).effects[4].retries)
  end)

  it("looks before it sends again when the answer was lost", function()
    toy:fault("house", "unknown", true)
    toy:fault("room-2", "unknown")
    ok(toy:o2x { "run", "build", "alpha" })
    assert.same(EVERYTHING, toy:holds())
    assert.equal(7, #toy:writes())
  end)

  it("stops where it fails, says where, and goes on from there", function()
    toy:fault("room-3", "failed")
    local result = toy:o2x { "run", "build", "alpha" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("Furnish/room 3: the toy has a fault", 1, true))
    assert.truthy(result.stderr:find("next: o2x resume R-", 1, true))
    assert.is_nil(result.stderr:find("traceback", 1, true))
    assert.equal("failed", toy:json({ "runs", "--json" })[1].status)
    ok(toy:o2x { "resume" })
    assert.same(EVERYTHING, toy:holds())
    assert.equal(7, #toy:writes())
    assert.equal("done", toy:json({ "runs", "--json" })[1].status)
    local again = toy:o2x { "resume" }
    assert.equal(3, again.code)
    assert.truthy(again.stderr:find("no unfinished run", 1, true))
  end)

  it("says which of the tenant's files were edited before it was resumed", function()
    toy:o2x({ "run", "build", "alpha" }, { O2X_KILL_AT = "6" })
    local path = toy.project .. "/platform/tenants/alpha.yaml"
    fs.write(path, fs.read(path) .. "# seen\n")
    local result = ok(toy:o2x { "resume" })
    assert.truthy(
      result.stderr:find("edited since the run started: " .. path .. "; finished steps do not run again", 1, true),
      result.stderr
    )
  end)

  it("may be edited before it goes on; finished steps are not run again", function()
    toy:fault("sign", "failed")
    toy:o2x { "run", "build", "alpha" }
    local path = toy.project .. "/runbooks/build.lua"
    fs.write(
      path,
      (
        fs.read(path)
          :gsub('" at "', '" in "')
          :gsub('step%("Build"', 'step("Dig", function() toy.ensure("hole", { deep = true }) end)\n    step("Build"')
      )
    )
    local result = ok(toy:o2x { "resume", "--edited" })
    assert.truthy(result.stderr:find("edited since the run started: runbooks/build.lua", 1, true))
    assert.equal("Alpha Ltd in 1", toy:holds().sign.text)
    assert.same({ deep = true }, toy:holds().hole)
    assert.equal(8, #toy:writes())
  end)

  it("goes on with the scripts that it began with, whatever became of them", function()
    toy:fault("sign", "failed")
    toy:o2x { "run", "build", "alpha" }
    fs.remove(toy.project .. "/runbooks/build.lua")
    fs.write(toy.project .. "/stdlib/house.lua", "nonsense")
    local result = ok(toy:o2x { "resume" })
    assert.truthy(
      result.stderr:find(
        "edited since the run started: runbooks/build.lua, stdlib/house.lua; the run continues with its own copy",
        1,
        true
      )
    )
    assert.same(EVERYTHING, toy:holds())
    assert.equal(7, #toy:writes())
  end)

  it("stops in order at the first Ctrl-C, and can be resumed", function()
    toy:runbook(
      "slow",
      [[
      step("one", function() toy.ensure("one", { v = 1 }) end)
      step("two", function() toy.wait(300) end)
      step("three", function() toy.ensure("three", { v = 3 }) end)]]
    )
    local child <close> = toy:start { "run", "slow", "alpha" }
    eventually("the first effect", function() return toy:holds().one end)
    child:kill(2)
    local code, signal = proc.wait(child, 60)
    assert.is_nil(signal)
    assert.equal(130, code)
    assert.equal("interrupted", toy:json({ "runs", "--json" })[1].status)
    toy:runbook(
      "slow",
      [[
      step("one", function() toy.ensure("one", { v = 1 }) end)
      step("two", function() end)
      step("three", function() toy.ensure("three", { v = 3 }) end)]]
    )
    ok(toy:o2x { "resume", "--edited" })
    assert.same({ one = { v = 1 }, three = { v = 3 } }, toy:holds())
  end)

  it("lets one run of a tenant go on at a time, tells the second who has it, and is never stale", function()
    toy:runbook("slow", [[ step("one", function() toy.ensure("one", { v = 1 }); toy.wait(300) end) ]])
    local child <close> = toy:start { "run", "slow", "alpha" }
    eventually("the first effect", function() return toy:holds().one end)
    local second = toy:o2x { "run", "build", "alpha" }
    assert.equal(5, second.code)
    assert.truthy(second.stderr:find("alpha is locked: .* runs slow %(R%-"))
    assert.equal("running", toy:json({ "runs", "--json" })[1].status)
    assert.matches("no unfinished run: the newest, R%-%S+, is still running", toy:o2x({ "resume" }).stderr)
    ok(toy:o2x { "run", "build", "beta" })
    child:kill(9)
    proc.wait(child, 60)
    assert.equal("crashed", toy:json({ "runs", "--json" })[1].status)
    toy:reset()
    ok(toy:o2x { "run", "build", "alpha" })
  end)

  it("refuses what the runbook did not declare, in the plan already", function()
    toy:runbook("sly", [[ step("one", function() toy.ensure("one", { v = 1 }) end) ]])
    local path = toy.project .. "/runbooks/sly.lua"
    fs.write(path, (fs.read(path):gsub('effects = { "toy:write" }', "effects = {}")))
    for _, command in ipairs { "plan", "run" } do
      local result = toy:o2x { command, "sly", "alpha" }
      assert.equal(3, result.code)
      assert.truthy(result.stderr:find("without declaring it", 1, true))
    end
    assert.same({}, toy:holds())
    assert.equal("refused", toy:json({ "runs", "--json" })[1].status)
  end)

  it("wants the tenant's name again for a severe runbook", function()
    toy:runbook("raze", [[ step("one", function() toy.ensure("one", nil) end) ]], "severe = true,")
    fs.write(toy.system .. "/one", '{"v":1}')
    assert.equal(3, toy:o2x({ "run", "raze", "alpha" }).code)
    assert.equal(3, toy:o2x({ "run", "raze", "alpha", "--confirm=beta" }).code)
    assert.same(
      { create = 0, change = 0, delete = 1, unchanged = 0 },
      toy:json({ "plan", "raze", "alpha", "--json" }).totals
    )
    ok(toy:o2x { "run", "raze", "alpha", "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("asks nobody whether an effect that cannot be proved took place: the operator decides", function()
    toy:runbook("blind", [[ step("call", function() toy.blind("call", { to = "somebody" }) end) ]])
    toy:o2x({ "run", "blind", "alpha" }, { O2X_KILL_AT = "3" })
    local result = toy:o2x { "resume" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("it is unknown whether it was done", 1, true))
    assert.equal(1, #toy:writes())
  end)

  it("shows the same recorded values when it is resumed", function()
    local body = [[
      step("one", function() toy.ensure("one", { v = toy.recorded("n", function() return toy.tick() end) }) end)
      step("two", function() toy.ensure("two", { v = toy.recorded("n", function() return toy.tick() end) }) end)]]
    toy:runbook("ticks", body)
    toy:o2x({ "run", "ticks", "alpha" }, { O2X_KILL_AT = "2" })
    ok(toy:o2x { "resume" })
    assert.same({ one = { v = 1 }, two = { v = 2 } }, toy:holds())
  end)

  it("reads back what it wrote", function()
    toy:fault("one", "rot")
    toy:runbook("rot", [[ step("one", function() toy.ensure("one", { v = 1 }) end) ]])
    local result = toy:o2x { "run", "rot", "alpha" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("read-back mismatch", 1, true))
  end)

  it("refuses two steps of one name, a secret as a result, a write in a check", function()
    for body, message in pairs {
      [ [[ step("a", function() end) step("a", function() end) ]] ] = "duplicate step name: a",
      [ [[ step("a", function() return tenant.secrets.door.key end) ]] ] = "returns a secret",
      [ [[ check("a", function() toy.ensure("one", 1) end) ]] ] = "a check must only read",
      [ [[ step("a", function() return function() end end) ]] ] = "cannot be recorded",
    } do
      toy:runbook("wrong", body)
      fs.write(toy.dir .. "/secrets.yaml", "door:\n  key: open-sesame\n", { mode = 384 })
      local result = toy:o2x { "run", "wrong", "alpha", "--secrets=" .. toy.dir .. "/secrets.yaml" }
      assert.is_true(result.code == 1 or result.code == 3, body)
      assert.truthy(result.stderr:find(message, 1, true), result.stderr)
    end
    assert.same({}, toy:holds())
  end)

  it("keeps secrets out of the run store, the terminal and errors", function()
    toy:runbook(
      "leak",
      [[
      local key = tenant.secrets.door.key
      log("the key is " .. tostring(key), { key = key, list = { key }, fn = fail, n = 1, text = tostring(key) })
      local ok, err = pcall(function() return #key end)
      log(tostring(ok))
      fail("no: " .. tostring(key))]]
    )
    fs.write(toy.dir .. "/secrets.yaml", "door:\n  key: open-sesame-open\n", { mode = 384 })
    local result = toy:o2x { "run", "leak", "alpha", "-v", "--secrets=" .. toy.dir .. "/secrets.yaml" }
    assert.equal(1, result.code)
    assert.is_nil((result.stdout .. result.stderr):find("open-sesame-open", 1, true))
    assert.truthy(result.stderr:find("‹secret door/key›", 1, true))
    assert.equal(1, proc.run({ argv = { "grep", "-rqF", "open-sesame-open", toy.state } }).code)
  end)

  it("is ended for certain when a script hogs the processor", function()
    for name, body in pairs {
      loop = "while true do end",
      swallow = "while true do pcall(function() while true do end end) end",
      pattern = '(("a"):rep(30)):find(("a?"):rep(30) .. ("a"):rep(30) .. "b")',
    } do
      toy:runbook("hog", ("step('hog', function() toy.ensure('%s', 1); %s end)"):format(name, body))
      local result = toy:o2x({ "run", "hog", "alpha" }, { O2X_CPU_LIMIT = "1,2" }, { timeout = 300 })
      assert.equal(1, result.code, name)
      assert.truthy(result.stderr:find("without waiting for anything", 1, true), name .. result.stderr)
      assert.equal(1, toy:holds()[name])
    end
  end)
end)

describe("the processor, memory and the disk", function()
  it("may run out: a script that grows without end is stopped", function()
    local toy <close> = toys.new()
    toy:runbook(
      "grow",
      [[
      step("a", function() toy.ensure("one", 1) end)
      step("b", function() local s = ("x"):rep(1000) while true do s = s .. s end end)]]
    )
    local result = toy:o2x { "run", "grow", "alpha" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("not enough memory", 1, true))
    assert.equal("failed", toy:json({ "runs", "--json" })[1].status)
  end)

  it("may be full: nothing is written that the journal cannot hold, and the run goes on later", function()
    local toy <close> = toys.new()
    fs.mkdir(toy.state)
    local mounted = proc.run { argv = { "mount", "-t", "tmpfs", "-o", "size=400k", "none", toy.state } }
    if mounted.code ~= 0 then return end -- only root can
    local _unmount <close> = defer(function() proc.run { argv = { "umount", "-l", toy.state } } end)
    toy:runbook(
      "big",
      [[
      for i = 1, 20 do step("s" .. i, function() toy.ensure("v" .. i, { text = ("x"):rep(10000) }) end) end]]
    )
    local result = toy:o2x { "run", "big", "alpha" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("the disk is full: the journal cannot grow", 1, true), result.stderr)
    local written = #toy:writes()
    assert.is_true(written > 0 and written < 20)
    assert.equal(0, proc.run({ argv = { "mount", "-o", "remount,size=4m", toy.state } }).code)
    ok(toy:o2x { "resume" })
    assert.equal(20, #toy:writes())
  end)

  it("may not be ours any more: Ctrl-C twice ends at once", function()
    local toy <close> = toys.new()
    toy:runbook("stuck", [[ step("a", function() toy.ensure("one", 1) toy.stubborn(300) end) ]])
    local child <close> = toy:start { "run", "stuck", "alpha" }
    eventually("the first effect", function() return toy:holds().one end)
    local start = task.now()
    local code
    repeat
      child:kill(2)
      code = proc.wait(child, 0.2)
    until code or task.now() - start > 60
    assert.equal(130, code)
  end)
end)

describe("texts that are no texts", function()
  it("get into no record: bytes, NULs and control characters in values, names, messages", function()
    local toy <close> = toys.new()
    toy:runbook(
      "bytes",
      [[
      log("bad \xFF\0\27[2J", { x = "\xFF", ["\xFE"] = 1 })
      check("seen", function() return "found \xFF\0" end)
      step("one", function() toy.ensure("one", { v = "fine" }) end)
      fail("no \xFF\0 more", "try \xFF")]]
    )
    local result = toy:o2x { "run", "bytes", "alpha", "-v" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("no ", 1, true))
    assert.is_nil(result.stderr:find("\27[2J", 1, true))
    assert.equal("failed", toy:json({ "runs", "--json" })[1].status)
    ok(toy:o2x { "show" })
  end)
end)

describe("branches side by side", function()
  it("have their own paths; the first error stops the others; results keep their order", function()
    local toy <close> = toys.new()
    toy:runbook(
      "wide",
      [[
      local both = step("both", function()
        return parallel { a = function() return step("a", function() toy.wait(0.05) return 1 end) end,
                          b = function() return step("b", function() return 2 end) end }
      end)
      local list = parallel.each({ 3, 2, 1 }, function(n) toy.wait(n / 100) return n * 10 end, { limit = 2 })
      step("note", function() toy.ensure("note", { a = both.a, b = both.b, list = table.concat(list, " ") }) end)
      step("stop", function()
        parallel { function() step("good", function() toy.wait(120) toy.ensure("never", 1) end) end,
                   function() step("bad", function() fail("enough", "have a rest") end) end }
      end)]]
    )
    local start = task.now()
    local result = toy:o2x { "run", "wide", "alpha" }
    assert.equal(1, result.code)
    assert.is_true(task.now() - start < 60)
    assert.truthy(result.stderr:find("stop/bad: ", 1, true))
    assert.truthy(result.stderr:find("have a rest", 1, true))
    assert.same({ note = { a = 1, b = 2, list = "30 20 10" } }, toy:holds())
  end)
end)
