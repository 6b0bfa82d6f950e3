-- Lua ends a line, and a comment, at \n, \r, \r\n and \n\r. What o2x check reads must be what Lua runs: behind a \r
-- nothing may hide in a comment.

local parse = require "o2x.core.parse"

local TEXT <const> = "#!shell|-- comment|local a = [[||x]] --[[|]]|local b = 'c\\|d'||return a, b, nowhere"

-- The line on which the compiler of Lua finds a word that does not belong there.
local function line_of_lua(text)
  local _, message = load(text .. " )", "=text")
  return math.tointeger(tonumber(tostring(message):match ":(%d+):"))
end

describe("a Lua text with other ends of lines", function()
  for name, line_end in pairs { LF = "\n", CR = "\r", CRLF = "\r\n", LFCR = "\n\r" } do
    it("has the same tokens and lines, with " .. name, function()
      local text = TEXT:gsub("|", line_end)
      local kinds, values, lines = parse.tokens(text)
      local last = #kinds - 1
      assert.same({ "name", "nowhere", 10 }, { kinds[last], values[last], lines[last] })
      assert.equal("return", kinds[last - 5])
      local without_first = text:gsub("^#!shell", "--")
      assert.equal(lines[last], line_of_lua(without_first))
      local tree = parse.tree(text)
      assert.same({ 3, 7, 10 }, { tree.body[1].line, tree.body[2].line, tree.body[3].line })
    end)
  end
end)
