-- A view shows its contents in another way from the first look on. An error about a name that is not there must name
-- the script's line at the first look too, not a line of o2x.

local frozen = require "o2x.base.frozen"

describe("a view of what nobody changes", function()
  it("blames the line of the script for a missing name, at each look", function()
    local view = frozen.fixed({ there = 1 }, function(name) error("no " .. name, 3) end)
    local look = assert(load("local view = ...\nlocal found = view.nowhere\nreturn found", "=script.lua"))
    for _ = 1, 3 do
      local _, problem = pcall(look, view)
      assert.equal("script.lua:2: no nowhere", problem)
    end
    assert.equal(1, view.there)
  end)

  it("gives what a missing name stands for, at each look", function()
    local view = frozen.fixed({ no = false }, function(name) return { name = name } end)
    for _ = 1, 2 do
      assert.equal("other", view.other.name)
      assert.is_false(view.no)
    end
  end)
end)
