-- o2x prove catches planted bugs of each kind, by the case that is there for it, and finds nothing without them.

local bugs = require "tests.support.toy.bugs"
local prove = require "tests.support.toy_prove"
local toys = require "tests.support.toy"

-- Bug → the kinds of cases that are played, and what one of the failures says.
local CAUGHT <const> = {
  ["not repeatable"] = { "kill", "counter: ?%d" },
  ["write outside the gate"] = { "plan,again", "sent a write" },
  ["wrong undo"] = { "undo", "toy sign" },
  ["wrong probe: done"] = { "kill", "not done" },
  ["wrong probe: absent"] = { "kill", "done 2 times: once house" },
  ["wrong class"] = { "kill", "done 2 times: room" },
  ["plan that lies"] = { "plan", "done, but not planned: toy.value room%-2" },
  ["lost update"] = { "foreign", "the foreign value of toy.value .* is overwritten" },
  ["stuck on its own marker"] = { "correct", "the marker is there already" },
  ["step results that change type"] = { "kill", "toy sign" },
  ["a foreign change overwritten"] = { "foreign", "the foreign value of toy.* is overwritten" },
  ["a retry that doubles"] = { "kill", "done %d times: sign" },
  ["a read from a stale cache"] = { "kill", "missing, should be" },
  ["an intent after the write"] = { "undo-resumed", "should be missing" },
  ["a secret where a step fails"] = { "foreign", "a secret is in a file or in the output" },
  ["a lock that outlives a kill"] = { "kill", "it is locked" },
  ["a temporary file left"] = { "kill", "left in TMPDIR: half%-done" },
  ["an undo of somebody else's change"] = { "undo-foreign", "the foreign value of toy.* is overwritten" },
  ["a plan that shows more"] = { "plan", "planned, but not done: toy.value room%-2" },
  ["cannot be resumed"] = { "kill", "not done" },
}

local function body()
  return [[
    local number = step("Find a number", function() return toy.number(tenant.name) end)
    step("Build", function() toy.once("house", { owner = tenant.name }) end)
    step("Furnish", function()
      for _, room in ipairs { "1", "2" } do toy.ensure("room-" .. room, { name = room, chairs = 4 }) end
    end)
    step("Put up the sign", function() toy.ensure("sign", { number = number }) end)
]]
end

describe("o2x prove", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:runbook("small", body())
  end)
  after_each(function() toy:__close() end)

  for bug in pairs(bugs.PLANT) do
    it("catches: " .. bug, function()
      local kinds, says = table.unpack(CAUGHT[bug])
      local sound = prove.run(toy, { "small", "alpha", "--cases=" .. kinds })
      assert.equal("", prove.failures(sound))
      local result = prove.run(toy, { "small", "alpha", "--cases=" .. kinds }, { TOY_BUG = bug })
      assert.matches(says, prove.failures(result))
    end)
  end

  it("finds nothing in what is sound", function()
    local result = prove.run(toy, { "small", "alpha" })
    assert.equal("", prove.failures(result))
    assert.is_true(result.cases > 100)
  end)
end)
