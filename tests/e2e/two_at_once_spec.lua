-- Two runs of one tenant, two resumes of one run: one goes on and the other says so, whatever became of the files that
-- tell it and however the run store is spelled.

local build = require "tests.support.build"
local defer = require "o2x.base.defer"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local ROUNDS <const> = build.sanitized and 10 or 50

local function shell(toy, command)
  return proc.run { argv = { "sh", "-ec", command }, env = { STATE = toy.state, DIR = toy.dir } }
end

-- What somebody types while a run of the tenant goes on, and how the second one spells the run store.
local SPELLINGS = {
  ["the same path"] = { "true", "%s" },
  ["a path with a slash at its end"] = { "true", "%s/" },
  ["a path with dots"] = { "true", "%s/../state/./" },
  ["a relative path"] = { "true", "../state" },
  ["a symbolic link"] = { "ln -s $STATE $DIR/link", "%s/../link" },
  ["a bind mount"] = { "mkdir $DIR/bound; mount --bind $STATE $DIR/bound", "%s/../bound", root = true },
  ["locks that were removed"] = { "rm -r $STATE/locks", "%s" },
  ["locks that were removed, and a link"] = { "rm -r $STATE/locks; ln -s $STATE $DIR/link", "%s/../link" },
  ["locks that became a file"] = { "rm $STATE/locks/*; touch $STATE/locks/alpha", "%s" },
  ["a store that was removed and made again"] = { "rm -r $STATE; mkdir $STATE", "%s" },
  ["a store that was removed"] = { "rm -r $STATE", "%s" },
  ["a store that was moved away"] = { "mv $STATE $DIR/moved", "%s" },
  ["a store that was moved, at its new place"] = { "mv $STATE $DIR/moved", "%s/../moved" },
}

-- Waits for both of a pair. -> exit codes, what they said
local function ends(toy, pair)
  local codes, said = {}, {}
  for i, child in ipairs(pair) do
    codes[i] = proc.wait(child, 60)
    child:close()
    local log = toy.dir .. "/said-" .. i
    said[i] = ("exit %s\n%s"):format(codes[i], fs.read(log))
    fs.remove(log)
  end
  return codes, table.concat(said, "\n")
end

describe("two runs of one tenant", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  for what, case in pairs(SPELLINGS) do
    it("are not let in by " .. what, function()
      toy:runbook("slow", [[ step("one", function() toy.ensure("one", { v = 1 }) toy.wait(300) end) ]])
      local first <close> = toy:start { "run", "slow", "alpha" }
      -- its result is in the journal: a run whose store goes while it writes ends
      eventually(
        "the first effect",
        function() return toy:o2x({ "show", "--json" }).stdout:find('"created"', 1, true) end
      )
      local done = shell(toy, case[1])
      if case.root and done.code ~= 0 then return pending "only root can mount" end
      ok(done)
      local _unmount <close> = defer(function() shell(toy, "umount -l $DIR/bound 2>/dev/null || true") end)
      local second = toy:o2x({ "run", "build", "alpha" }, { O2X_STATE = case[2]:format(toy.state) })
      assert.equal(5, second.code, second.stderr)
      assert.truthy(second.stderr:find("alpha is locked", 1, true), second.stderr)
      assert.truthy(second.stderr:find("process %d+"), second.stderr)
      assert.same({ one = { v = 1 } }, toy:holds())
      toy:runbook("quick", [[ toy.ensure("two", { v = 2 }) ]])
      ok(toy:o2x({ "run", "quick", "beta" }, { O2X_STATE = case[2]:format(toy.state) }))
      first:kill(9)
      proc.wait(first, 60)
      ok(toy:o2x({ "run", "quick", "alpha" }, { O2X_STATE = case[2]:format(toy.state) }))
    end)
  end

  it("are told apart by their stores: another platform may have a tenant of that name", function()
    toy:runbook("slow", [[ step("one", function() toy.ensure("one", { v = 1 }) toy.wait(300) end) ]])
    local _first <close> = toy:start { "run", "slow", "alpha" }
    eventually("the first effect", function() return toy:holds().one end)
    toy:runbook("quick", [[ toy.ensure("two", { v = 2 }) ]])
    ok(toy:o2x({ "run", "quick", "alpha" }, { O2X_STATE = toy.dir .. "/other" }))
  end)

  it(("never both go on: %d times, each with its own spelling, while the locks are removed"):format(ROUNDS), function()
    -- mkdir fails if the other run is inside.
    toy:runbook("in", [[ toy.somebody("mkdir $STATE/inside") toy.wait(0.01) toy.somebody("rmdir $STATE/inside") ]])
    fs.mkdir(toy.state)
    ok(shell(toy, "ln -s $STATE $DIR/link"))
    local went = 0
    for _ = 1, ROUNDS do
      local pair = {}
      for i, state in ipairs { toy.state, toy.dir .. "/link" } do
        shell(toy, "rm -rf $STATE/locks")
        pair[i] = toy:start({ "run", "in", "alpha" }, { O2X_STATE = state }, toy.dir .. "/said-" .. i)
      end
      local codes, said = ends(toy, pair)
      for i = 1, 2 do
        assert.is_true(codes[i] == 0 or codes[i] == 5, said)
        went = went + (codes[i] == 0 and 1 or 0)
      end
      assert.is_true(codes[1] == 0 or codes[2] == 0, said)
    end
    assert.is_true(went >= ROUNDS)
    assert.equal(went, #toy:json { "runs", "--json" })
  end)
end)

describe("two resumes of one run", function()
  it(("one goes on, %d times, and the journal is whole"):format(ROUNDS), function()
    local toy <close> = toys.new()
    for _ = 1, ROUNDS do
      toy:reset()
      toy:o2x({ "run", "build", "alpha" }, { O2X_KILL_AT = "6" })
      local pair = {}
      for i = 1, 2 do
        pair[i] = toy:start({ "resume" }, nil, toy.dir .. "/said-" .. i)
      end
      shell(toy, "rm -rf $STATE/locks")
      local codes, said = ends(toy, pair)
      for i = 1, 2 do
        -- 3: the other one was done before this one looked
        assert.is_true(codes[i] == 0 or codes[i] == 5 or codes[i] == 3, said)
      end
      assert.is_true((codes[1] == 0) ~= (codes[2] == 0), said)
      assert.equal("done", toy:json({ "show", "--json" }).status)
      assert.equal(7, #toy:writes())
    end
  end)

  it("and of a run that still goes on: it says so", function()
    local toy <close> = toys.new()
    toy:runbook("slow", [[ step("one", function() toy.ensure("one", { v = 1 }) toy.wait(300) end) ]])
    local _first <close> = toy:start { "run", "slow", "alpha" }
    eventually("the first effect", function() return toy:holds().one end)
    local id = json.decode(toy:o2x({ "runs", "--json" }).stdout)[1].id
    assert.equal(5, toy:o2x({ "resume", id }).code)
    shell(toy, "rm -r $STATE/locks")
    assert.equal(5, toy:o2x({ "resume", id }).code)
    assert.equal("running", toy:json({ "runs", "--json" })[1].status)
    local none = toy:o2x { "resume" }
    assert.equal(3, none.code)
    assert.truthy(none.stderr:find("no unfinished run", 1, true))
  end)
end)
