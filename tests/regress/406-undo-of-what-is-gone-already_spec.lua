-- An undo refused where somebody had removed by hand what the run made: nobody's change would have been overwritten.
-- Where it refused, the command that it proposed took over the first of several targets only, so that it was refused
-- again, once for each.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("undo", function()
  local toy, id
  before_each(function()
    toy = toys.new()
    ok(toy:o2x { "run", "build", "alpha" })
    id = toy:json({ "runs", "--json" })[1].id
  end)
  after_each(function() toy:__close() end)

  it("has nothing to take back of what is gone", function()
    fs.remove(toy.system .. "/room-1")
    ok(toy:o2x { "undo", id })
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("proposes one command for all that others changed, also after a part of it", function()
    fs.write(toy.system .. "/house", '{"owner":"beta"}')
    fs.write(toy.system .. "/room-1", '{"name":"1","chairs":9}')
    for _, more in ipairs { "--full", "--take-over=house" } do
      local result = toy:o2x { "undo", id, "--confirm=alpha", more }
      assert.equal(1, result.code, result.stderr)
      local command = result.stderr:match "to overwrite it: [^\n]*o2x (undo [^\n]*)"
      local words = {}
      for word in command:gmatch "%S+" do
        words[#words + 1] = word
      end
      assert.equal(5, #words, command)
      if more ~= "--full" then
        ok(toy:o2x(words))
        assert.same({}, toy:holds())
      end
    end
  end)
end)
