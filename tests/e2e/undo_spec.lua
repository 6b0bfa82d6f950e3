-- Undo from outside: the program runs as a child process against the toy platform (tests/support/toy).

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local ARROWS <const> = 4 -- kill points of an effect

describe("undo", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function newest() return toy:json({ "runs", "--json" })[#toy:json { "runs", "--json" }].id end

  local function build()
    ok(toy:o2x { "run", "build", "alpha" })
    return newest()
  end

  it("can be seen before it happens, last to first, and writes nothing", function()
    local id = build()
    local all, writes = toy:holds(), #toy:writes()
    local plan = toy:json { "undo", id, "--json" }
    assert.same({ create = 0, change = 0, delete = 7, unchanged = 0 }, plan.totals)
    assert.equal("sign", plan.changes[1].target)
    assert.equal("alpha", plan.changes[7].target)
    assert.equal(("o2x undo %s --confirm=alpha"):format(id), plan.next)
    assert.same(all, toy:holds())
    assert.equal(writes, #toy:writes())
    assert.equal(1, #toy:json { "runs", "--json" })
    local text = ok(toy:o2x { "undo", id:sub(-8) }).stdout
    assert.truthy(text:find("To undo: o2x undo " .. id .. " --confirm=alpha", 1, true), text)
  end)

  it("takes everything back, and says so", function()
    local id = build()
    local result = ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
    assert.equal(14, #toy:writes())
    assert.truthy(result.stderr:find("undo of " .. id, 1, true), result.stderr)
    local runs = toy:json { "runs", "--json" }
    assert.equal("undo", runs[2].runbook)
    assert.equal(id, runs[2].undoes)
    assert.equal(runs[2].id, runs[1].undone_by)
    local again = toy:o2x { "undo", id, "--confirm=alpha" }
    assert.equal(3, again.code)
    assert.truthy(again.stderr:find("was undone by " .. runs[2].id, 1, true), again.stderr)
    assert.same({}, toy:holds())
  end)

  it("is itself undone: the run's state is back, and the run can be undone again", function()
    local id = build()
    local all = toy:holds()
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    ok(toy:o2x { "undo", newest(), "--confirm=alpha" })
    assert.same(all, toy:holds())
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("is killed at every arrow and resumed: the same end, nothing done twice", function()
    local at = 0
    repeat
      at = at + 1
      toy:reset()
      local id = build()
      local result = toy:o2x({ "undo", id, "--confirm=alpha" }, { O2X_KILL_AT = tostring(at) })
      if result.signal == 9 then ok(toy:o2x { "resume" }) end
      assert.same({}, toy:holds(), "killed at " .. at)
      assert.equal(14, #toy:writes(), "killed at " .. at)
    until result.signal ~= 9
    assert.equal(7 * ARROWS + 1, at)
  end)

  it("is killed again and again while it is resumed", function()
    local words, kills = { "undo", build(), "--confirm=alpha" }, 0
    local result
    repeat
      result = toy:o2x(words, { O2X_KILL_AT = "3" })
      if result.signal == 9 then
        words, kills = { "resume" }, kills + 1
      end
    until result.signal ~= 9
    ok(result)
    assert.is_true(kills > 5)
    assert.same({}, toy:holds())
    assert.equal(14, #toy:writes())
  end)

  it("takes back a run that was killed at any arrow, without resuming it", function()
    local at = 0
    repeat
      at = at + 1
      toy:reset()
      fs.write(toy.system .. "/room-2", '{"name":"2","chairs":1}')
      local killed = toy:o2x({ "run", "build", "alpha" }, { O2X_KILL_AT = tostring(at) }).signal == 9
      local undo = toy:o2x { "undo", newest(), "--confirm=alpha" }
      assert.equal(0, undo.code, ("killed at %d: %s"):format(at, undo.stderr))
      assert.same({ ["room-2"] = { name = "2", chairs = 1 } }, toy:holds(), "killed at " .. at)
    until not killed
    assert.is_true(at > 20)
    assert.truthy(toy:o2x({ "resume" }).stderr:find("no unfinished run", 1, true))
  end)

  it("offers itself where a run fails, and the run is not unfinished any more", function()
    toy:fault("room-3", "failed")
    local failed = toy:o2x { "run", "build", "alpha" }
    local proposed = failed.stderr:match "to go back: o2x (undo R%-[%w-]+)\n.*next: o2x resume"
    assert.truthy(proposed, failed.stderr)
    local id = proposed:match "R%S+"
    ok(toy:o2x { "undo", id })
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
    assert.equal(0, #toy:json { "runs", "--unfinished", "--json" })
    assert.equal(3, toy:o2x({ "resume", id }).code)
  end)

  it("touches nothing if somebody else changed one of the targets, and shows three values", function()
    local id = build()
    fs.write(toy.system .. "/house", '{"owner":"beta"}')
    fs.write(toy.system .. "/room-1", '{"name":"1","chairs":9}')
    local all, writes = toy:holds(), #toy:writes()
    for _, words in ipairs { { "undo", id }, { "undo", id, "--confirm=alpha" } } do
      local result = toy:o2x(words)
      assert.equal(1, result.code, result.stderr)
      for _, text in ipairs {
        "toy.once house",
        "toy.value room-1",
        "before: nothing",
        'ours:   {"owner":"alpha"}',
        'now:    {"owner":"beta"}',
        'now:    {"chairs":9}',
        "--take-over=",
      } do
        assert.truthy(result.stderr:find(text, 1, true), text .. " in " .. result.stderr)
      end
      assert.same(all, toy:holds())
      assert.equal(writes, #toy:writes())
    end
    ok(toy:o2x { "undo", id, "--confirm=alpha", "--take-over=house", "--take-over=room-1" })
    assert.same({}, toy:holds())
    assert.equal(3, toy:o2x({ "undo", id, "--take-over=nothing" }).code)
  end)

  it("takes back one step, and the others after it", function()
    local id = build()
    local all = toy:holds()
    ok(toy:o2x { "undo", id .. "#Furnish/room 2", "--confirm=alpha" })
    all["room-2"] = nil
    assert.same(all, toy:holds())
    local again = toy:o2x { "undo", id .. "#Furnish/room 2" }
    assert.equal(3, again.code)
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
    assert.equal(14, #toy:writes())
  end)

  it("takes a step by its number, with the steps below it", function()
    local id = build()
    local number
    for i, step in ipairs(toy:json({ "show", id, "--json" }).steps) do
      if step.path == "Furnish" then number = i end
    end
    assert.truthy(toy:o2x({ "show", id }).stdout:find(("Furnish%%s.-#%d"):format(number)))
    ok(toy:o2x { "undo", ("%s#%d"):format(id, number), "--confirm=alpha" })
    local left = toy:holds()
    assert.is_nil(left["room-1"] or left["room-2"] or left["room-3"])
    assert.truthy(left.house)
    assert.equal(3, toy:o2x({ "undo", id .. "#99" }).code)
  end)

  it("names a later effect of the same run on the target of a step", function()
    toy:runbook(
      "twice",
      [[
    step("first", function() toy.ensure("roof", { colour = "red" }) end)
    step("second", function() toy.ensure("roof", { colour = "blue" }) end)]]
    )
    ok(toy:o2x { "run", "twice", "alpha" })
    local id = newest()
    local result = toy:o2x { "undo", id .. "#first", "--confirm=alpha" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("was written again in step second", 1, true), result.stderr)
    assert.same({ roof = { colour = "blue" } }, toy:holds())
    ok(toy:o2x { "undo", id .. "#second", "--confirm=alpha" })
    assert.same({ roof = { colour = "red" } }, toy:holds())
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("goes through all values of a target that was written several times", function()
    toy:runbook(
      "twice",
      [[
    step("first", function() toy.ensure("roof", { colour = "red" }) end)
    step("second", function() toy.ensure("roof", nil) end)
    step("third", function() toy.ensure("roof", { colour = "blue" }) end)]]
    )
    fs.write(toy.system .. "/roof", '{"colour":"green"}')
    ok(toy:o2x { "run", "twice", "alpha" })
    ok(toy:o2x { "undo", newest(), "--confirm=alpha" })
    assert.same({ roof = { colour = "green" } }, toy:holds())
  end)

  it("says what cannot be undone before and after, with exit code 7", function()
    toy:runbook(
      "message",
      [[
    step("write", function() toy.ensure("roof", { colour = "red" }) end)
    step("call", function() toy.blind("bell", { text = "hello" }) end)]]
    )
    ok(toy:o2x { "run", "message", "alpha" })
    local id = newest()
    local plan = ok(toy:o2x { "undo", id })
    assert.truthy(plan.stdout:find("cannot be undone: bell: what was heard", 1, true), plan.stdout)
    local result = toy:o2x { "undo", id, "--confirm=alpha" }
    assert.equal(7, result.code, result.stderr)
    assert.truthy(result.stderr:find("not undone: bell: what was heard", 1, true), result.stderr)
    assert.is_nil(toy:holds().roof)
    assert.equal("incomplete", toy:json({ "runs", "--json" })[2].status)
    assert.truthy(toy:o2x({ "show" }).stdout:find("not undone: bell: what was heard", 1, true))
    assert.equal(0, #toy:json { "runs", "--unfinished", "--json" })
  end)

  -- Types what a message proposes into a shell, with --confirm where it only shows.
  local function paste(command)
    return toy:shell({}, "", ('P=("$@"); o2x() { "${P[@]}" "$@"; }; %s; exit; '):format(command))
  end

  it("proposes commands that work when they are pasted", function()
    local id = build()
    local shown = ok(toy:o2x { "undo", id .. "#Furnish/room 2" }).stdout
    ok(paste(shown:match "To undo: ([^\n]+)"))
    assert.is_nil(toy:holds()["room-2"])
    local again = toy:o2x { "undo", id .. "#Furnish/room 2" }.stderr
    ok(paste(again:match "(o2x undo R%S+) brings" .. " --confirm=alpha"))
    assert.truthy(toy:holds()["room-2"])
    fs.write(toy.system .. "/room-1", '{"name":"1","chairs":9}')
    local conflict = toy:o2x({ "undo", id, "--confirm=alpha" }).stderr
    ok(paste(conflict:match "to overwrite it: ([^\n]+)"))
    assert.same({}, toy:holds())
    toy:runbook(
      "twice",
      [[
    step("the first", function() toy.ensure("roof", { colour = "red" }) end)
    step("the second", function() toy.ensure("roof", { colour = "blue" }) end)]]
    )
    ok(toy:o2x { "run", "twice", "alpha" })
    local first = toy:o2x({ "undo", newest() .. "#the first" }).stderr
    ok(paste(first:match "take that back first: ([^\n]+)" .. " --confirm=alpha"))
    assert.same({ roof = { colour = "red" } }, toy:holds())
  end)

  it("is started again when it was refused", function()
    local id = build()
    fs.write(toy.system .. "/house", '{"owner":"beta"}')
    assert.equal(1, toy:o2x({ "undo", id, "--confirm=alpha" }).code)
    local refused = toy:o2x({ "resume", newest() }).stderr
    fs.write(toy.system .. "/house", '{"owner":"alpha"}')
    ok(paste(refused:match "start it again with ([^\n]+)" .. " --confirm=alpha"))
    assert.same({}, toy:holds())
  end)

  it("needs the tenant's name, and refuses another", function()
    local id = build()
    local result = toy:o2x { "undo", id, "--confirm=beta" }
    assert.equal(3, result.code)
    assert.equal(7, #toy:writes())
  end)
end)
