-- Undo of a run over several tenants, from outside: the program runs as a child process against the toy platform.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("undo of a run over several tenants", function()
  local toy
  before_each(function()
    toy = toys.new()
    for _, name in ipairs { "alpha", "beta", "gamma" } do
      toy:write(("platform/tenants/%s.yaml"):format(name), ("company: %s\n"):format(name))
    end
    toy:runbook(
      "mark",
      [[ step("Mark", function() toy.ensure("mark-" .. tenant.name, { of = tenant.name }) end)
      step("Two", function() toy.ensure("two-" .. tenant.name, { of = tenant.name }) end) ]]
    )
  end)
  after_each(function() toy:__close() end)

  -- -> the fleet's id
  local function mark(...)
    local result = toy:o2x { "run", "mark", "--tenants=all", "--json", ... }
    return json.decode(result.stdout).fleet
  end

  local function undo(id, ...) return toy:o2x { "undo", id, ... } end

  local function says(result, code, text)
    assert.equal(code, result.code, result.stdout .. result.stderr)
    assert.truthy((result.stdout .. result.stderr):find(text, 1, true), result.stdout .. result.stderr)
    return result
  end

  -- The tenants whose first mark was taken away, in order.
  local function gone()
    local names = {}
    for _, write in ipairs(toy:writes()) do
      names[#names + 1] = write:match "^mark%-(%S+) gone"
    end
    return table.concat(names, " ")
  end

  it("can be seen before it happens, the last tenant first, and writes nothing", function()
    local id = mark()
    local all, writes = toy:holds(), #toy:writes()
    local shown = ok(undo(id))
    assert.matches("gamma.-%- two%-gamma.-beta.-alpha.-%- two%-alpha", shown.stdout)
    local command = ("o2x undo %s --confirm=all"):format(id)
    assert.truthy(shown.stdout:find("To undo: " .. command .. "\n", 1, true), shown.stdout)
    local plan = toy:json { "undo", id, "--json" }
    assert.equal(command, plan.next)
    assert.equal(3, #plan.tenants)
    assert.same({ create = 0, change = 0, delete = 2, unchanged = 0 }, plan.tenants[1].totals)
    assert.same(all, toy:holds())
    assert.equal(writes, #toy:writes())
  end)

  it("takes everything back, last to first, after one confirmation", function()
    local id = mark()
    says(undo(id, "--confirm=alpha"), 3, "was for --tenants=all")
    assert.equal(6, #toy:writes())
    local done = says(undo(id, "--confirm=all"), 0, "done  undo: 3 of 3 tenants")
    assert.matches("gamma +done.*beta +done.*alpha +done", done.stdout)
    assert.same({}, toy:holds())
    assert.equal("gamma beta alpha", gone())
    says(undo(id), 3, id .. " was undone by F-")
    says(toy:o2x { "resume", id }, 3, "was undone by F-")
  end)

  it("is itself undone, and the run can be undone again", function()
    local id = mark()
    local all = toy:holds()
    ok(undo(id, "--confirm=all"))
    local runs = toy:json { "runs", "--json" }
    ok(undo(runs[#runs].fleet, "--confirm=all"))
    assert.same(all, toy:holds())
    ok(undo(id, "--confirm=all"))
    assert.same({}, toy:holds())
  end)

  it("is killed anywhere and goes on: nothing is done twice", function()
    local at = 1
    repeat
      toy:reset()
      local id = mark()
      local killed = toy:o2x({ "undo", id, "--confirm=all" }, { O2X_KILL_AT = tostring(at) }).signal == 9
      if killed then ok(toy:o2x { "resume" }) end
      assert.same({}, toy:holds(), "killed at " .. at)
      assert.equal(12, #toy:writes(), "killed at " .. at)
      assert.equal("gamma beta alpha", gone())
      at = at + 3
    until not killed
    assert.is_true(at > 20)
  end)

  it("touches nothing if one of them cannot be taken back, unless the others shall be", function()
    local id = mark()
    fs.write(toy.system .. "/two-beta", "7")
    local all = toy:holds()
    says(undo(id), 1, "beta: not as R-")
    says(undo(id, "--confirm=all"), 1, "with --keep-going, the others are")
    assert.same(all, toy:holds())
    local result = says(undo(id, "--confirm=all", "--keep-going"), 1, "failed  undo: 2 of 3 tenants")
    assert.matches("beta +refused", result.stdout)
    assert.same({ ["mark-beta"] = { of = "beta" }, ["two-beta"] = 7 }, toy:holds())
    ok(toy:o2x { "resume", result.stderr:match "next: o2x resume (F%-[%w-]+)", "--take-over=two-beta" })
    assert.same({}, toy:holds())
  end)

  it("overwrites what the operator names", function()
    local id = mark()
    fs.write(toy.system .. "/two-beta", "7")
    says(undo(id, "--take-over=two-delta"), 3, "has no such effect")
    local shown = ok(undo(id, "--take-over=two-beta"))
    assert.truthy(shown.stdout:find("--confirm=all --take-over=two-beta", 1, true), shown.stdout)
    ok(undo(id, "--confirm=all", "--take-over=two-beta"))
    assert.same({}, toy:holds())
  end)

  it("takes back one that failed in the middle, and says which were undone before", function()
    toy:fault("two-beta", "failed")
    local id = mark()
    assert.same(
      { ["mark-alpha"] = true, ["two-alpha"] = true, ["mark-beta"] = true },
      (function()
        local there = {}
        for name in pairs(toy:holds()) do
          there[name] = true
        end
        return there
      end)()
    )
    ok(undo(toy:json({ "runs", "--json" })[1].id, "--confirm=alpha"))
    local shown = ok(undo(id))
    assert.matches("nothing to undo: undone by R%-", shown.stdout)
    local done = says(undo(id, "--confirm=all"), 0, "done  undo: 2 of 2 tenants")
    assert.matches("alpha +done earlier.*undone by R%-", done.stdout)
    assert.same({}, toy:holds())
    says(toy:o2x { "resume" }, 3, "no unfinished run")
  end)

  it("says what cannot go back, with exit code 7", function()
    toy:runbook("mark", [[step("Shout", toy.blind, "loud", 1) step("Mark", toy.ensure, "mark-" .. tenant.name, 1)]])
    local id = mark()
    says(undo(id), 0, "cannot be undone: loud: what was heard")
    local result = says(undo(id, "--confirm=all"), 7, "incomplete  undo: 3 of 3 tenants")
    assert.matches("alpha: not undone: [^\n]*what was heard", result.stderr)
    assert.matches("alpha +incomplete", result.stdout)
    local holds = toy:holds()
    holds.loud = nil
    assert.same({}, holds)
    says(toy:o2x { "resume" }, 3, "no unfinished run")
  end)

  it("is not for a step of all of them, nor for a fleet that is not there", function()
    local id = mark()
    says(undo(id .. "#Mark"), 3, "a step is taken back for one tenant")
    says(undo "F-19990101-000000-0000", 3, "unknown run F-19990101-000000-0000")
  end)
end)
