-- Files that somebody removes, moves, replaces or changes while a run goes on, and disks that take no more: the run
-- stops before its next write, says so, and names only what is there.

local build = require "tests.support.build"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

-- What somebody types between the run's first write and its second; says: what the run says; again: it can be resumed.
local COMMANDS = {
  ["the journal is removed"] = { "rm $RUN/journal", says = "the journal was deleted" },
  ["the run's folder is removed"] = { "rm -r $RUN", says = "the journal was deleted" },
  ["the run store is removed"] = { "rm -r $STATE", says = "the journal was deleted" },
  ["the run store is removed and made again"] = { "rm -r $STATE; mkdir $STATE", says = "the journal was deleted" },
  ["the run's folder is moved"] = { "mv $RUN $STATE/elsewhere", says = "the journal was moved" },
  ["the run store is moved"] = { "mv $STATE $STATE-old", says = "the journal was moved" },
  ["the run store is moved and made again"] = { "mv $STATE $STATE-old; mkdir $STATE", says = "the journal was moved" },
  ["the run store becomes a file"] = { "rm -r $STATE; touch $STATE", says = "the journal was deleted" },
  ["the journal is restored from a copy"] = {
    "cp $RUN/journal $RUN/copy; mv $RUN/copy $RUN/journal",
    says = "the journal was replaced by another file",
  },
  ["the journal is replaced by a link to itself"] = {
    "mv $RUN/journal $RUN/copy; ln -s copy $RUN/journal",
    says = "the journal was replaced by another file",
  },
  ["the journal is made empty"] = { ": > $RUN/journal", says = "the journal was changed by somebody else" },
  ["the journal is cut"] = { "truncate -s -20 $RUN/journal", says = "the journal was changed by somebody else" },
  ["something is added to the journal"] = {
    "echo note >> $RUN/journal",
    says = "the journal was changed by somebody else",
  },
  ["the run's scripts are removed"] = { "rm -r $RUN/sources" },
  ["the run's log is removed"] = { "rm $RUN/log" },
  ["the locks are removed"] = { "rm -r $STATE/locks" },
}

local TWO_WRITES = [[
  step("one", function() toy.ensure("one", { v = 1 }) toy.somebody(%q) end)
  step("two", function() toy.ensure("two", { v = 2 }) end)]]

-- What tests/support/toy/runbooks/build.lua makes.
local EVERYTHING = {
  ["number-1"] = { owner = "alpha", number = 1 },
  house = { owner = "alpha" },
  roof = { colour = "red" },
  ["room-1"] = { name = "1", chairs = 4 },
  ["room-2"] = { name = "2", chairs = 4 },
  ["room-3"] = { name = "3", chairs = 4 },
  sign = { text = "Alpha Ltd at 1" },
}

local function next_command(text) return text:match "next: o2x ([^\n]+)" end

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do
    list[#list + 1] = word
  end
  return list
end

describe("while a run goes on", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  for what, case in pairs(COMMANDS) do
    it(what, function()
      toy:runbook("two", TWO_WRITES:format(case[1]))
      local result = toy:o2x { "run", "two", "alpha" }
      if not case.says then
        assert.same({ one = { v = 1 }, two = { v = 2 } }, ok(result) and toy:holds())
        ok(toy:o2x(words(next_command(result.stderr))))
        return
      end
      assert.equal(1, result.code, result.stderr)
      assert.truthy(result.stderr:find(case.says, 1, true), result.stderr)
      assert.truthy(result.stderr:find("what it wrote so far stands", 1, true), result.stderr)
      assert.is_nil(result.stderr:find "done")
      assert.same({ one = { v = 1 } }, toy:holds())
      assert.equal("run two alpha", next_command(result.stderr))
      -- That command does what is left, once the store is one again.
      proc.run { argv = { "sh", "-c", "rm -rf $STATE" }, env = { STATE = toy.state } }
      toy:runbook("two", TWO_WRITES:format "true")
      ok(toy:o2x(words(next_command(result.stderr))))
      assert.same({ one = { v = 1 }, two = { v = 2 } }, toy:holds())
      assert.equal(2, #toy:writes())
    end)
  end

  for what, command in pairs {
    removed = "rm -r $RUN/sources",
    changed = ": > $RUN/sources/runbooks/two.lua",
  } do
    it(("its copy of the scripts may be %s: it is not resumed with others unasked"):format(what), function()
      toy:fault("two", "failed")
      toy:runbook("two", TWO_WRITES:format(command))
      assert.equal(1, toy:o2x({ "run", "two", "alpha" }).code)
      toy:runbook("two", TWO_WRITES:format "true")
      local result = toy:o2x { "resume" }
      assert.equal(3, result.code)
      assert.truthy(result.stderr:find("the run's own copy of ", 1, true), result.stderr)
      assert.same({ one = { v = 1 } }, toy:holds())
      ok(toy:o2x(words(result.stderr:match "o2x (resume R%S+ %-%-edited)")))
      assert.same({ one = { v = 1 }, two = { v = 2 } }, toy:holds())
    end)
  end

  it("is not done if all is removed after its last write", function()
    toy:runbook("two", [[ step("one", function() toy.ensure("one", { v = 1 }) end) toy.somebody("rm -r $RUN") ]])
    local result = toy:o2x { "run", "two", "alpha", "--json" }
    assert.equal(1, result.code)
    assert.truthy(result.stdout:find('"status": "failed"', 1, true))
    assert.truthy(result.stdout:find('"next": "o2x run two alpha"', 1, true))
  end)

  it("no script goes on without a journal, and no file of a removed run is made again", function()
    toy:runbook("late", [[ toy.ensure("late", { v = 1 }) ]])
    toy:runbook(
      "two",
      [[
      pcall(toy.somebody, "rm -r $RUN")
      pcall(toy.ensure, "one", { v = 1 })
      pcall(require, "stdlib.house")
      toy.ensure("two", { v = 2 })]]
    )
    assert.equal(1, toy:o2x({ "run", "two", "alpha" }).code)
    assert.same({}, toy:holds())
    assert.equal("[]\n", toy:o2x({ "runs", "--json" }).stdout)
  end)

  it("a fleet whose store is removed is not done either", function()
    toy:runbook("two", TWO_WRITES:format "rm -r $STATE")
    local result = toy:o2x { "run", "two", "--tenants=alpha" }
    assert.equal(1, result.code, result.stderr)
    assert.same({ one = { v = 1 } }, toy:holds())
  end)
end)

describe("a disk that takes no more", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)
  teardown(faults.forget)

  if build.sanitized then return end -- no faults there
  it("has no hard links: files are made all the same, and none is replaced", function()
    local env, struck = faults.env("link", 1, "EPERM", true)
    ok(toy:o2x({ "run", "build", "alpha" }, env))
    assert.is_true(struck())
    assert.same(EVERYTHING, toy:holds())
    local path = toy.dir .. "/file"
    toy:write(
      "fault.lua",
      ([[
      local fs = require "o2x.base.fs"
      fs.write(%q, "one", { expected = false })
      print(pcall(fs.write, %q, "two", { expected = false }))]]):format(path, path)
    )
    local result =
      proc.run { argv = { build.dev, toy.project .. "/fault.lua" }, env = faults.env("link", 1, "EPERM", true) }
    assert.matches("^false\t.*: somebody else changed it meanwhile", result.stdout)
    assert.equal("one", fs.read(path))
  end)

  -- tests/e2e/fault_sweep_spec.lua has the errors that come once and go.
  for _, fault in ipairs { { "write", "EROFS" }, { "write", "EDQUOT" }, { "fsync", "EIO" } } do
    it(("stops the run at any %s that gives %s; it is resumed later"):format(fault[1], fault[2]), function()
      local n, finished = 0, false
      while not finished do
        n = n + 5 -- every fifth write: each kind of record comes up
        toy:reset()
        local env, struck = faults.env(fault[1], n, fault[2], true)
        local result = toy:o2x({ "run", "build", "alpha" }, env)
        finished = not struck()
        if not finished then
          assert.is_true(result.code == 1 or result.code == 74, result.stderr)
          assert.is_nil(result.signal)
          local resume = result.code == 1 and next_command(result.stderr)
          ok(toy:o2x(words(resume or "run build alpha")))
        end
        assert.same(EVERYTHING, toy:holds(), result.stderr)
      end
    end)
  end
end)
