-- A plan in a file, and doing exactly that: the program runs as a child process against the toy platform.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

-- Whatever waits longest, the order is that of the script.
local MIXED <const> = [[
    toy.ensure("first", { n = 1 })
    parallel {
      a = function()
        toy.wait(0.2)
        step("slow", function() toy.ensure("a", { n = 1 }) end)
        check("a is checked later", function() return true end)
      end,
      b = function() step("fast", function() toy.ensure("b", { n = 1 }) toy.ensure("b2", { n = 1 }) end) end,
    }
    parallel.each({ "x", "y", "z" }, function(name)
      toy.wait(name == "x" and 0.2 or 0)
      toy.ensure(name, { n = 1 })
    end)
    toy.ensure("last", { n = 1 })
]]

-- What somebody does between the plan and its application; what o2x says.
local MOVES <const> = {
  {
    "a value that it changes",
    function(toy) fs.write(toy.system .. "/room-2", '{"name":"2","chairs":7}') end,
    "toy.value room-2 was changed since",
    "  chairs  1           7    4",
  },
  {
    "a value that it leaves alone",
    function(toy) fs.write(toy.system .. "/room-1", '{"name":"1","chairs":9}') end,
    "toy.value room-1 was changed since",
    "  chairs  4           9    4",
  },
  { "a value that is gone", function(toy) fs.remove(toy.system .. "/sign") end, "toy.value sign was changed since" },
  {
    "a value that is as wanted now",
    function(toy) fs.write(toy.system .. "/room-2", '{"name":"2","chairs":4}') end,
    "toy.value room-2 was changed since",
  },
  {
    "the runbook",
    function(toy) fs.append(toy.project .. "/runbooks/build.lua", "-- edited\n") end,
    "changed since the plan was made: runbooks/build.lua",
  },
  {
    "the library",
    function(toy) fs.append(toy.project .. "/stdlib/house.lua", "-- edited\n") end,
    "changed since the plan was made: stdlib/house.lua",
  },
  {
    "the tenant's file",
    function(toy) fs.append(toy.project .. "/platform/tenants/alpha.yaml", "# edited\n") end,
    "platform/tenants/alpha.yaml",
  },
}

-- What is done to the file.
local DAMAGE <const> = {
  {
    "a changed byte",
    function(text) return (text:gsub('"chairs":4', '"chairs":5', 1)) end,
    "the plan was changed: line ",
  },
  {
    "a missing line",
    function(text) return (text:gsub("\n[^\n]*toy.value[^\n]*", "", 1)) end,
    "the plan was changed: line ",
  },
  { "a missing end", function(text) return (text:gsub("[^\n]*\n$", "")) end, "the plan is cut off" },
  { "half a line", function(text) return text:sub(1, -20) end, "the plan is cut off" },
  { "nothing", function() return "" end, "this is no plan" },
  { "another file", function() return "{}\n" end, "this is no plan" },
}

describe("a plan in a file", function()
  local toy, file
  before_each(function()
    toy = toys.new()
    file = toy.dir .. "/build.plan"
  end)
  after_each(function() toy:__close() end)

  local function holds_a_house()
    ok(toy:o2x { "run", "build", "alpha" })
    fs.write(toy.system .. "/room-2", '{"name":"2","chairs":1}')
  end

  it("is done exactly", function()
    local plan = toy:json { "plan", "build", "alpha", "--out=" .. file, "--json" }
    assert.equal("o2x apply " .. file, plan.next)
    assert.same({}, toy:writes())
    local run = toy:json { "apply", file, "--json" }
    assert.same(plan.totals, run.totals)
    assert.equal(7, #toy:writes())
    assert.equal("600", ("%o"):format(fs.stat(file).mode & 511))
    local again = toy:o2x { "apply", file }
    assert.equal(1, again.code)
    assert.equal(7, #toy:writes())
  end)

  it("has the order of the script, whatever waits longest, and is the same each time", function()
    toy:runbook("mixed", MIXED)
    local first = ok(toy:o2x { "plan", "mixed", "alpha", "--json" }).stdout
    for _ = 1, 3 do
      assert.equal(first, ok(toy:o2x { "plan", "mixed", "alpha", "--json" }).stdout)
    end
    local targets = {}
    for i, change in ipairs(json.decode(first).changes) do
      targets[i] = change.target
    end
    assert.same({ "first", "a", "b", "b2", "x", "y", "z", "last" }, targets)
    ok(toy:o2x { "plan", "mixed", "alpha", "--out", file })
    ok(toy:o2x { "apply", file })
    assert.equal(8, #toy:writes())
  end)

  for _, case in ipairs(MOVES) do
    it("is refused when something moved: " .. case[1], function()
      holds_a_house()
      ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
      case[2](toy)
      local before, writes = toy:holds(), #toy:writes()
      local result = toy:o2x { "apply", file }
      assert.is_true(result.code == 1 or result.code == 3)
      for i = 3, #case do
        assert.truthy(result.stderr:find(case[i], 1, true), result.stderr)
      end
      assert.is_nil(result.stderr:find("traceback", 1, true))
      assert.same(before, toy:holds())
      assert.equal(writes, #toy:writes())
    end)
  end

  for _, case in ipairs(DAMAGE) do
    it("is refused when it is damaged: " .. case[1], function()
      ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
      local before = fs.read(file)
      local after = case[2](before)
      assert.not_equal(before, after)
      fs.write(file, after)
      local result = toy:o2x { "apply", file }
      assert.equal(3, result.code, result.stderr)
      assert.truthy(result.stderr:find(case[3], 1, true), result.stderr)
      assert.truthy(result.stderr:find(file, 1, true), result.stderr)
      assert.same({}, toy:writes())
    end)
  end

  it("counts for a limited time", function()
    ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file, "--valid=1s" })
    local made = os.time()
    eventually("the end of its time", function() return os.time() > made + 1 end)
    local result = toy:o2x { "apply", file }
    assert.equal(3, result.code)
    assert.truthy(result.stderr:find("the plan counted until", 1, true), result.stderr)
    assert.same({}, toy:writes())
  end)

  it("gives the run the times that the plan saw", function()
    toy:runbook(
      "timed",
      [[
    local clock = require "o2x.clock"
    toy.ensure("at", { at = clock.now() })
    toy.ensure("tick", { n = toy.recorded("tick", toy.tick) })
]]
    )
    local plan = toy:json { "plan", "timed", "alpha", "--out=" .. file, "--json" }
    ok(toy:o2x { "apply", file })
    assert.equal(plan.changes[1].after.at, toy:holds().at.at)
    assert.equal(plan.changes[2].after.n, toy:holds().tick.n)
  end)

  it("stops a run at a value that moved after it began", function()
    toy:runbook(
      "raced",
      [[
    toy.ensure("a", { n = 1 })
    toy.somebody [=[test ! -e "$RUN/journal" || echo '{"n":5}' > "$STATE/../system/b"]=]
    toy.ensure("b", { n = 2 })
]]
    )
    ok(toy:o2x { "plan", "raced", "alpha", "--out=" .. file })
    local result = toy:o2x { "apply", file }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("toy.value b: was changed since the plan was made: ", 1, true), result.stderr)
    assert.same({ n = 5 }, toy:holds().b)
    assert.same({ n = 1 }, toy:holds().a)
  end)

  it("is continued as planned after a kill", function()
    ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
    local points = 0
    repeat
      points = points + 1
      local copy = toy.dir .. "/copy"
      fs.remove_tree(copy)
      fs.copy_tree(toy.system, copy)
      local result = toy:o2x({ "apply", file }, { O2X_KILL_AT = tostring(points) })
      if result.signal then
        ok(toy:o2x { "resume" })
        assert.equal("Alpha Ltd at 1", toy:holds().sign.text)
        assert.equal(7, #toy:writes())
        assert.equal(4, toy:holds()["room-2"].chairs)
        fs.remove_tree(toy.system)
        fs.copy_tree(copy, toy.system)
      end
    until not result.signal
    assert.is_true(points > 5, tostring(points))
  end)

  it("is not written over another file, nor when it is not whole", function()
    fs.write(file, "my notes\n")
    local result = toy:o2x { "plan", "build", "alpha", "--out=" .. file }
    assert.equal(3, result.code)
    assert.truthy(result.stderr:find("is no plan", 1, true), result.stderr)
    assert.equal("my notes\n", fs.read(file))
    fs.remove(file)
    toy:runbook("broken", 'step("bad", function() fail "no" end)\n toy.ensure("x", { n = 1 })')
    local broken = toy:o2x { "plan", "broken", "alpha", "--out=" .. file }
    assert.equal(1, broken.code)
    assert.is_false(fs.exists(file))
    assert.truthy(broken.stderr:find(file .. " is not written", 1, true), broken.stderr)
  end)

  it("that was damaged is made again by what the refusal proposes", function()
    ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
    fs.write(file, fs.read(file):sub(1, -20))
    local refused = toy:o2x { "apply", file }
    assert.truthy(refused.stderr:find("make it again: o2x plan RUNBOOK TENANT --out=" .. file, 1, true), refused.stderr)
    ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
    ok(toy:o2x { "apply", file })
  end)

  it("does not propose to write over what is no plan", function()
    local refused = toy:o2x { "apply", "runbooks/build.lua" }
    assert.equal(3, refused.code)
    assert.truthy(refused.stderr:find("this is no plan", 1, true))
    assert.is_nil(refused.stderr:find("--out=runbooks", 1, true), refused.stderr)
  end)

  it("may be one for several tenants, in one file", function()
    toy:runbook("paint", 'toy.ensure("wall-" .. tenant.name, { colour = "white" })')
    local plan = toy:json { "plan", "paint", "--tenants=all", "--out=" .. file, "--json" }
    assert.equal(2, #plan.tenants)
    assert.equal("o2x apply " .. file, plan.next)
    fs.write(toy.system .. "/wall-beta", '{"colour":"red"}')
    local moved = toy:o2x { "apply", file }
    assert.equal(1, moved.code)
    assert.is_nil(toy:holds()["wall-alpha"])
    fs.remove(toy.system .. "/wall-beta")
    ok(toy:o2x { "apply", file })
    assert.same({ colour = "white" }, toy:holds()["wall-alpha"])
    -- One that cannot be planned does not hide the others.
    fs.append(toy.project .. "/platform/tenants/alpha.yaml", "\nnonsense: [\n")
    local half = toy:o2x { "plan", "paint", "--tenants=all", "--json" }
    assert.equal(3, half.code)
    local tenants = json.decode(half.stdout).tenants
    assert.equal("alpha", tenants[1].tenant)
    assert.matches("alpha.yaml", tenants[1].problems[1].error.message)
    assert.equal(1, tenants[2].totals.unchanged)
    assert.same({ colour = "white" }, toy:holds()["wall-beta"])
  end)
end)

describe("a plan", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("goes on after what cannot be planned, and names each", function()
    toy:runbook(
      "patchy",
      [[
    step("one", function() toy.ensure("a", { n = 1 }) end)
    local got = step("two", function() fail("the well is dry", "dig deeper") end)
    step("three", function()
      toy.part("nowhere", "p", { n = 1 })
      toy.ensure("b", { n = 1 })
    end)
    step("four", function() toy.ensure("c", { n = got.depth + 1 }) end)
    toy.ensure("d", { n = 1 })
]]
    )
    local result = toy:o2x { "plan", "patchy", "alpha", "--json" }
    assert.equal(1, result.code)
    local plan = json.decode(result.stdout)
    local targets = {}
    for i, change in ipairs(plan.changes) do
      targets[i] = change.target
    end
    assert.same({ "a", "b", "d" }, targets)
    assert.equal(3, #plan.problems)
    assert.equal("the well is dry", plan.problems[1].error.message:match "the well is dry")
    assert.equal("dig deeper", plan.problems[1].error.hint)
    assert.same({ "toy.part", "p" }, { plan.problems[2].kind, plan.problems[2].target })
    assert.matches("four cannot be planned before two is", plan.problems[3].error.message)
    assert.is_nil(plan.next)
    assert.is_nil(result.stderr:find("traceback", 1, true))
  end)

  it("takes over what belongs to others where the operator says so", function()
    toy:runbook("ours", 'toy.owned("lamp", { n = 1 })')
    fs.write(toy.system .. "/lamp", '{"n":0}')
    fs.write(toy.system .. "/.theirs-lamp", "")
    local refused = toy:o2x { "plan", "ours", "alpha" }
    assert.equal(1, refused.code)
    assert.truthy(refused.stderr:find("--take-over=lamp", 1, true), refused.stderr)
    local plan = toy:json { "plan", "ours", "alpha", "--take-over=lamp", "--json" }
    assert.is_true(plan.changes[1].taken)
    assert.equal("o2x run ours alpha --take-over=lamp", plan.next)
    assert.equal(1, toy:o2x({ "run", "ours", "alpha" }).code)
    ok(toy:o2x { "run", "ours", "beta", "--take-over=lamp" })
    assert.same({ n = 1 }, toy:holds().lamp)
  end)
end)
