-- o2x check made a list of tokens, a tree of it in Lua, and a list of the tree's nodes in Lua: two thirds of its time.
-- What is left is counted where it grows: a text of twice the size takes twice the memory and no more.

local fs = require "o2x.base.fs"
local parser = require "o2x.script.check.parser"

-- Kilobytes that a tree of a text takes.
local function memory(text)
  collectgarbage()
  local before = collectgarbage "count"
  local tree = parser.parse(text)
  collectgarbage()
  return collectgarbage "count" - before, tree
end

describe("the tree of a script", function()
  it("has the size of its text", function()
    local text = fs.read "stdlib/rollout.lua"
    local block = "do " .. text:gsub("\nreturn %w+%s*$", "\n") .. " end\n"
    local once, four = memory(block), memory(block:rep(4))
    assert.is_true(four < once * 4.4, ("%.0f kB, four times as long %.0f kB"):format(once, four))
  end)

  it("keeps no token", function()
    local kilobytes, tree = memory "return a"
    assert.is_true(kilobytes < 4, kilobytes .. " kB")
    assert.equal(3, #tree.order)
  end)
end)
