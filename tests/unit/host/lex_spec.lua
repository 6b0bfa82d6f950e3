local lexer = require "o2x.core.parse"

-- The tokens of a text as "kind" or "kind:value", without the end of the file.
local function brief(text)
  local list = {}
  local kinds, values = lexer.tokens(text)
  for i, kind in ipairs(kinds) do
    if kind == "name" or kind == "string" or kind == "number" then
      list[#list + 1] = kind .. ":" .. values[i]
    elseif kind ~= "end of file" then
      list[#list + 1] = kind
    end
  end
  return table.concat(list, " ")
end

describe("the lexer", function()
  it(
    "tells names from words of the language",
    function() assert.equal("local name:x = nil name:nilly", brief "local x = nil nilly") end
  )

  it("takes the longest symbol", function()
    assert.equal("... .. // << == ~= <= >= ::", brief "... .. // << == ~= <= >= ::")
    assert.equal("name:a .. name:b", brief "a..b")
  end)

  it("reads strings with escapes and both quotes", function()
    assert.equal("string:a\nb", brief [["a\nb"]])
    assert.equal('string:it\'s "x"', brief [['it\'s "x"']])
    assert.equal("string:ab", brief '"a\\z\n   b"')
  end)

  it(
    "reads long strings of each level, without their first line end",
    function() assert.equal("string:a ]] b", brief "[=[\na ]] b]=]") end
  )

  it(
    "reads numbers of each form",
    function() assert.equal("number:0x1F number:1e-3 number:.5 number:10", brief "0x1F 1e-3 .5 10") end
  )

  it(
    "does not see comments",
    function() assert.equal("name:a name:b", brief "a -- c\nb --[[ d\n e ]] --[==[ f ]] ]==]") end
  )

  it("does not see a first line for the shell", function() assert.equal("name:a", brief "#!/usr/bin/o2x\na") end)

  it("knows the line of each token, after long strings and comments too", function()
    local kinds, _, lines = lexer.tokens "a\n--[[\n\n]] b [[\n\n]]\nc"
    assert.same({ 1, 4, 4, 7, 7 }, lines)
    assert.equal("end of file", kinds[#kinds])
  end)

  it("reads strings that end in a backslash, or go over lines", function()
    assert.equal([[string:a\ name:b string:it's]], brief [["a\\" b 'it\'s']]:gsub("\\\\", "\\"))
    local _, values, lines = lexer.tokens '"a\\\nb" c'
    assert.same({ "a\nb", "c" }, { values[1], values[2] })
    assert.same({ 1, 2, 2 }, lines)
  end)
end)
