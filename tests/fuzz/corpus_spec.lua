-- Every input of the corpus, once through its target. make fuzz goes on from there with mutations.

local fs = require "o2x.base.fs"

local TARGETS <const>, CORPUS <const> = "tests/fuzz/targets", "tests/fuzz/corpus"

for _, file in ipairs(fs.list(TARGETS)) do
  local name = file:match "^(.+)%.lua$"
  describe("the target " .. name, function()
    local target = dofile(fs.join(TARGETS, file))
    local inputs = fs.list(fs.join(CORPUS, name))

    it("has a corpus", function() assert.is_true(#inputs > 0) end)

    for _, input in ipairs(inputs) do
      it("takes " .. input, function() target(fs.read(fs.join(CORPUS, name, input))) end)
    end
  end)
end
