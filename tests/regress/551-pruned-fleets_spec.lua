-- o2x runs prune took the run of one tenant of a fleet and left the others: that tenant seemed to be still to come, and
-- o2x resume would have run it again. The same after a kill in the middle. Two prunes at once ended in an error.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local prune = require "o2x.engine.prune"
local store = require "o2x.engine.store"
local toys = require "tests.support.toy"

describe("the runs of a fleet", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:runbook("stand", 'toy.ensure(tenant.name, { colour = "red" })')
    toy:runbook("look", 'if tenant.name == "alpha" then fail("no") end')
    assert.equal(1, toy:o2x({ "run", "look", "--tenants=alpha,beta", "--keep-going" }).code)
    assert.truthy(toy:o2x({ "runs", "--unfinished" }).stderr:find "no unfinished runs")
  end)
  after_each(function() toy:__close() end)

  local function unfinished() return toy:json { "runs", "--unfinished", "--json" } end

  it("stay together", function()
    ok(toy:o2x { "run", "stand", "alpha" })
    local shown = ok(toy:o2x { "runs", "prune", "--keep-last=1", "--confirm" }).stdout
    assert.truthy(shown:find("its fleet, its undo, or what it took back, is kept", 1, true), shown)
    assert.equal(3, #toy:json { "runs", "--json" })
    assert.same({}, unfinished())
    ok(toy:o2x { "run", "stand", "beta" })
    ok(toy:o2x { "runs", "prune", "--keep-last=1", "--confirm" })
    assert.equal(2, #toy:json { "runs", "--json" })
    assert.same({}, fs.list(toy.state .. "/fleets"))
  end)

  it("are never still to come, wherever their removal is killed", function()
    local runs = store.open(toy.state)
    local chosen = prune.choose(runs, { last = 0 }, 0)
    assert.equal(2, #chosen)
    prune.forget_fleets(runs, chosen)
    assert.same({}, unfinished())
    prune.remove(runs, chosen[1].id)
    assert.same({}, unfinished())
    fs.mkdir(toy.state .. "/.gone-" .. chosen[1].id)
    prune.remove(runs, chosen[1].id) -- somebody else did
    assert.same({}, unfinished())
    ok(toy:o2x { "runs", "prune", "--keep-last=0", "--confirm" })
    assert.same({}, toy:json { "runs", "--json" })
    for _, name in ipairs(fs.list(toy.state)) do
      assert.is_nil(name:find "gone", name)
    end
  end)
end)
