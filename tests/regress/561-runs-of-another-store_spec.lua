-- "unknown run" of a run that a colleague began on another machine sent people to o2x runs, which does not have it.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("a run that was begun elsewhere", function()
  local toy
  before_each(function()
    toy = toys.new()
    fs.mkdir(toy.state)
  end)
  after_each(function() toy:__close() end)

  for _, command in ipairs { "resume", "undo", "show", "export", "dismiss" } do
    it("is said to go on where it was begun: " .. command, function()
      local words = { command, "R-20261127-010045-e2b1" }
      if command == "dismiss" then words[3] = "--reason=test" end
      local result = toy:o2x(words)
      assert.equal(3, result.code)
      assert.matches("unknown run R-20261127-010045-e2b1", result.stderr, 1, true)
      assert.matches("where it was begun", result.stderr, 1, true)
      assert.matches(toy.state, result.stderr, 1, true)
    end)
  end

  it("is another matter than a word that was mistyped", function()
    local result = toy:o2x { "show", "R-nosuch" }
    assert.equal(3, result.code)
    assert.not_matches("where it was begun", result.stderr, 1, true)
  end)
end)
