-- A capsule had all of a run but its log, so what the run had said could not be sent to anybody.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a run that is exported", function()
  local toy, id
  before_each(function()
    toy = toys.new()
    toy:runbook("stand", 'require("o2x.text"); log("said by the script"); toy.ensure("roof", { colour = "red" })')
    ok(toy:o2x { "run", "stand", "alpha" })
    id = toy:json({ "runs", "--json" })[1].id
  end)
  after_each(function() toy:__close() end)

  it("has its journal, its scripts and its log, in the form of a capsule", function()
    ok(toy:o2x { "export", id, "--out=a.capsule" })
    local log = fs.read(("%s/%s/log"):format(toy.state, id))
    fs.remove_tree(toy.state)
    assert.equal(log, ok(toy:o2x { "replay", "a.capsule", "--log" }).stdout)
    assert.matches("said by the script", log)
    assert.equal(0, toy:o2x({ "replay", "a.capsule" }).code)
    assert.equal(tonumber("600", 8), fs.stat(toy.project .. "/a.capsule").mode)
    local text = fs.read(toy.project .. "/a.capsule")
    local at = text:find("said by the script", 1, true)
    fs.write(toy.project .. "/a.capsule", text:sub(1, at - 1) .. "S" .. text:sub(at + 1))
    assert.equal(1, toy:o2x({ "replay", "a.capsule", "--log" }).code)
  end)

  it("may have no log, which an older one has not", function()
    fs.remove(("%s/%s/log"):format(toy.state, id))
    ok(toy:o2x { "export", id, "--out=a.capsule" })
    assert.equal("", ok(toy:o2x { "replay", "a.capsule", "--log" }).stdout)
    ok(toy:o2x { "replay", "a.capsule" })
  end)
end)
