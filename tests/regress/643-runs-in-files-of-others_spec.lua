-- o2x undo FILE, with the file that a colleague had exported, said "unknown run FILE" and sent people to o2x runs.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("the file of another store's run", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  for _, command in ipairs { "undo", "resume", "show", "dismiss" } do
    it("says whose it is, and what to type there: " .. command, function()
      ok(toy:o2x { "run", "build", "alpha", "rooms=1" })
      local run = ok(toy:o2x { "runs" }).stdout:match "R%-[%d-]+%-%x+"
      ok(toy:o2x { "export", run, "--out=a.capsule" })
      fs.rename(toy.state, toy.state .. "-hers")
      fs.mkdir(toy.state)
      local words = { command, "a.capsule" }
      if command == "dismiss" then words[3] = "--reason=test" end
      local result = toy:o2x(words)
      assert.equal(3, result.code)
      assert.matches(("a.capsule is %s, which %%S+@%%S+ began"):format(run:gsub("%-", "%%-")), result.stderr)
      assert.matches("there: o2x undo " .. run, result.stderr, 1, true)
    end)
  end

  it("offers to go on where there is something to go on with", function()
    toy:runbook("stops", [[step("Make", toy.ensure, "a", 1) fail "stop"]])
    assert.equal(1, toy:o2x({ "run", "stops", "alpha" }).code)
    local run = ok(toy:o2x { "runs" }).stdout:match "R%-[%d-]+%-%x+"
    ok(toy:o2x { "export", run, "--out=a.capsule" })
    fs.rename(toy.state, toy.state .. "-hers")
    fs.mkdir(toy.state)
    local hint = ("there: o2x resume %s, or o2x undo %s;"):format(run, run)
    assert.matches(hint, toy:o2x({ "undo", "a.capsule" }).stderr, 1, true)
  end)

  it("is no capsule where it is another file", function()
    fs.write(toy.project .. "/note.txt", "x\n")
    local result = toy:o2x { "undo", "note.txt" }
    assert.not_equal(0, result.code)
    assert.matches("note.txt: [^\n]*no capsule", result.stderr)
  end)
end)
