-- o2x prove, over the toy platform: the cases of a whole runbook, each in a fork of the program.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local prove = require "tests.support.toy_prove"
local shell = require "o2x.base.shell"
local toys = require "tests.support.toy"

describe("o2x prove", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("plays the cases of a sound runbook, and finds nothing", function()
    local result = prove.run(toy, { "build", "alpha", "--sample=8" })
    assert.equal("", prove.failures(result))
    assert.is_true(result.points > 100)
    for _, kind in ipairs { "plan", "again", "undo" } do
      assert.equal(1, result.counts[kind].played, kind)
    end
    for _, kind in ipairs { "kill", "power", "twice", "foreign", "correct", "undo-kill" } do
      assert.is_true(result.counts[kind].played >= 3, kind)
    end
    assert.is_true(result.same.kill > 50)
    assert.same({}, toy:holds()) -- the platform itself is not touched
  end)

  it("repeats one case by its name, and takes no other", function()
    local result = prove.run(toy, { "build", "alpha", "--only=kill:41" })
    assert.equal("", prove.failures(result))
    assert.equal(1, result.cases)
    local none = toy:o2x { "prove", "build", "alpha", "--only=kill:9999" }
    assert.equal(3, none.code)
    assert.matches("there is no such case", none.stderr, 1, true)
  end)

  it("needs a run that ends well", function()
    toy:runbook("fails", 'toy.ensure("sign", { text = "1" }) fail("no house here")')
    local raw = toy:o2x { "prove", "fails", "alpha" }
    assert.equal(1, raw.code)
    assert.matches("the undisturbed run did not end well in the lab", raw.stderr, 1, true)
    assert.matches("no house here", raw.stderr, 1, true)
  end)

  it("certifies what it has proved, until something of it changes", function()
    local file = toy.dir .. "/certificate.json"
    prove.run(toy, { "build", "alpha", "--sample=1", "--certificate=" .. file })
    local function says(words, code)
      local check = toy:o2x { "prove", "--check=" .. file }
      assert.equal(code, check.code)
      assert.matches(words, check.stdout, 1, true)
      assert.equal(1, select(2, check.stdout:gsub("\n", "")))
      return check.stderr:match "to prove it again: o2x ([^\n]+)"
    end
    says("holds: build alpha", 0)
    -- The hashes are those that a stranger finds with sha256sum.
    local held = json.read(fs.read(file))
    local function sum(command)
      return proc.run({ argv = { "sh", "-ec", command }, cwd = toy.project }).stdout:match "^%x+"
    end
    assert.same({
      held.hashes.o2x,
      held.hashes.runbook,
      held.hashes.stdlib,
      held.seal,
    }, {
      sum("sha256sum " .. shell.quote(build.dev)), -- it runs the toy
      sum "sha256sum runbooks/build.lua",
      sum "cd stdlib && find -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum | sha256sum",
      sum(("jq -Sj 'del(.seal)' %s | sha256sum"):format(file)),
    })

    for _, change in ipairs {
      { toy.project .. "/stdlib/house.lua", "the library has changed" },
      { toy.project .. "/runbooks/build.lua", "the runbook has changed" },
    } do
      local before = fs.read(change[1])
      fs.write(change[1], before .. "\n-- edited\n")
      assert.equal(("prove build alpha --certificate=%s"):format(file), says("void: build alpha", 2))
      says(change[2], 2)
      fs.write(change[1], before)
    end
    says("holds: ", 0)
    fs.write(file, (fs.read(file):gsub('"cases":%s*%d+', '"cases": 99999', 1)))
    says("the file was edited", 2)
  end)
end)

-- All cases of all of them are played by make prove.
describe("a case of each kind is played for the shipped runbook", function()
  local SAMPLED <const> = { scale = true, ["cache-clear"] = true }

  for _, row in ipairs(require "tests.prove.runbooks") do
    if SAMPLED[row[1]] then
      it(row[1], function()
        local words = { build.o2x, "prove", "--json", "--jobs=1", "--sample=1", table.unpack(row) }
        local result = proc.run { argv = words, env = program.environment(), timeout = 300 }
        assert.equal(0, result.code, result.stdout .. result.stderr)
        local counts = json.read(result.stdout).counts
        for _, kind in ipairs { "plan", "again", "kill", "power", "twice", "fault", "undo" } do
          assert.is_true(counts[kind].played + counts[kind].skipped > 0, kind)
        end
      end)
    end
  end
end)
