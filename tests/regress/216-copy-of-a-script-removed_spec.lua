-- A resumed run continues with its own copy of the scripts. Where somebody had removed the copy, it took the scripts as
-- they were by then, without a word; where it was cut, it ran half of them.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("the run's own copy of a script", function()
  for what, change in pairs {
    removed = fs.remove,
    changed = function(path) fs.write(path, fs.read(path):sub(1, -3)) end,
  } do
    it(("is not replaced unasked where it was %s"):format(what), function()
      local toy <close> = toys.new()
      toy:fault("sign", "failed")
      toy:o2x { "run", "build", "alpha" }
      local run = toy:json({ "runs", "--json" })[1]
      change(("%s/%s/sources/stdlib/house.lua"):format(toy.state, run.id))
      local result = toy:o2x { "resume" }
      assert.equal(3, result.code)
      assert.truthy(result.stderr:find("the run's own copy of stdlib/house.lua was " .. what, 1, true), result.stderr)
      assert.equal(0, toy:o2x({ "resume", run.id, "--edited" }).code)
    end)
  end
end)
