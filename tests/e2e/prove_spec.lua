-- o2x prove, over the toy platform: the cases of a whole runbook, each in a fork of the program.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local prove = require "tests.support.toy_prove"
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
    assert.equal(0, toy:o2x({ "prove", "--check=" .. file }).code)
    local path = toy.project .. "/stdlib/house.lua"
    fs.write(path, fs.read(path) .. "\n-- edited\n")
    local check = toy:o2x { "prove", "--check=" .. file }
    assert.equal(2, check.code)
    assert.matches("these have changed: stdlib", check.stdout, 1, true)
    local again = check.stderr:match "to prove it again: o2x ([^\n]+)"
    assert.equal(("prove build alpha --certificate=%s"):format(file), again)
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
