local lexer = require "o2x.client.pg.lexer"

-- "name lo|op (|number 1|op )"
local function read(text)
  local list, problem = lexer.tokens(text)
  if not list then return problem end
  local parts = {}
  for i, token in ipairs(list) do
    parts[i] = token.kind .. " " .. token.text
  end
  return table.concat(parts, "|")
end

describe("the lexer reads as PostgreSQL does:", function()
  for text, expected in pairs {
    ["SELECT Lo"] = "name select|name lo",
    ['"Lo"."a""b"'] = 'quoted Lo|op .|quoted a"b',
    ["f(1, 'it''s')"] = "name f|op (|number 1|op ,|string it''s|op )",
    ["E'a\\'b' x"] = "string a\\'b|name x",
    ["'a\\' x"] = "string a\\|name x",
    ["e'' E"] = "string |name e",
    ["N'x' B'1' X'f' U&'\\0061'"] = "string x|string 1|string f|string \\0061",
    ["$$a;b$$ $x$ $$ $x$ $1"] = "string a;b|string  $$ |parameter 1",
    ["a$b$c"] = "name a$b$c",
    ["1$a$ '$a$"] = "number 1|string  '",
    ["1.5e3 .5 1. 1e"] = "number 1.5e3|number .5|number 1.|number 1|name e",
    ["1::int"] = "number 1|op :|op :|name int",
    ["a -- b\nc"] = "name a|name c",
    ["a -- b\rc"] = "name a|name c", -- a carriage return ends a comment, too
    ["a /* b /* c */ d */ e"] = "name a|name e",
    ["a */* b */ c"] = "name a|op *|name c",
    ["a +-- b\nc"] = "name a|op +|name c",
    ["größe"] = "name größe",
    [""] = "",
    ["'a"] = "a string, a quoted name or a comment does not end",
    ['"a'] = "a string, a quoted name or a comment does not end",
    ["/* a"] = "a string, a quoted name or a comment does not end",
    ["$x$ a $y$"] = "a string, a quoted name or a comment does not end",
    ["E'a\\'"] = "a string, a quoted name or a comment does not end",
    ['U&"\\0061"'] = 'unexpected U&"',
    ["\\echo"] = "unexpected \\",
    ["a \0 b"] = "unexpected \0",
  } do
    it(("%q"):format(text), function() assert.equal(expected, read(text)) end)
  end

  it("goes on where the text was cut", function()
    local text = "select $$a"
    local token, after = lexer.next(text, 1)
    local from
    assert.equal("select", token.text)
    token, after, from = lexer.next(text, after)
    assert.is_nil(token)
    assert.equal("open", after)
    token = lexer.next(text .. ";b$$", from)
    assert.equal("a;b", token.text)
  end)
end)
