local json = require "o2x.base.json"
local printable = require "o2x.base.printable"

-- what it is → the text, and how it is shown
local HIDDEN = {
  ["escape: colour"] = { "\27[31mred\27[0m", "\\x1b[31mred\\x1b[0m" },
  ["escape: cursor"] = { "a\27[2A\27[Jb", "a\\x1b[2A\\x1b[Jb" },
  ["escape: title"] = { "\27]0;owned\7", "\\x1b]0;owned\\a" },
  ["a mark that is not o2x's"] = { "\27{0123456789abcdef;31}x", "\\x1b{0123456789abcdef;31}x" },
  nul = { "a\0b", "a\\x00b" },
  bell = { "\7", "\\a" },
  backspace = { "ok\8\8no", "ok\\b\\bno" },
  tab = { "a\tb", "a\\tb" },
  ["line break"] = { "done\nrefused", "done\\nrefused" },
  ["carriage return"] = { "done\rrefused", "done\\rrefused" },
  ["vertical tab and form feed"] = { "\v\f", "\\x0b\\x0c" },
  delete = { "a\127", "a\\x7f" },
  ["C1: CSI"] = { "\u{9B}31m", "\\u{009b}31m" },
  ["C1: next line"] = { "a\u{85}b", "a\\u{0085}b" },
  ["C1 as a byte"] = { "\x9B31m", "\\x9b31m" },
  ["soft hyphen"] = { "a\u{AD}b", "a\\u{00ad}b" },
  ["right-to-left override"] = { "\u{202E}txt.exe", "\\u{202e}txt.exe" },
  ["embedding"] = { "\u{202A}x\u{202C}", "\\u{202a}x\\u{202c}" },
  ["isolate"] = { "\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}" },
  ["direction marks"] = { "\u{200E}\u{200F}\u{61C}", "\\u{200e}\\u{200f}\\u{061c}" },
  ["no width"] = { "new\u{200B}client", "new\\u{200b}client" },
  ["joiners"] = { "\u{200C}\u{200D}\u{2060}", "\\u{200c}\\u{200d}\\u{2060}" },
  ["byte order mark"] = { "\u{FEFF}x", "\\u{feff}x" },
  ["line separator"] = { "a\u{2028}b", "a\\u{2028}b" },
  ["paragraph separator"] = { "a\u{2029}b", "a\\u{2029}b" },
  ["tags"] = { "\u{E0041}", "\\u{e0041}" },
  ["variation selector"] = { "a\u{FE0F}", "a\\u{fe0f}" },
  ["private use"] = { "\u{10FFFF}", "\\u{10ffff}" },
  ["a byte alone"] = { "a\xFFb", "a\\xffb" },
  ["a cut character"] = { "\xE2\x82", "\\xe2\\x82" },
  ["too long an encoding"] = { "\xC0\x8A", "\\xc0\\x8a" },
  ["half a character"] = { "\xED\xA0\x80", "\\xed\\xa0\\x80" },
  ["beyond Unicode"] = { "\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
  ["broken after good"] = { "é\xFFé", "é\\xffé" },
}

local SHOWN = {
  "plain",
  "",
  "Zoë – “naïve” 東京 🚀 ✓ › …",
  "a\u{A0}b",
  "C:\\n is not a line break",
  "‹secret x›",
}

describe("a printable line", function()
  for what, case in pairs(HIDDEN) do
    it("writes out: " .. what, function()
      assert.equal(case[2], printable.line(case[1]))
      assert.equal(case[2], printable.line(printable.line(case[1])))
    end)
  end

  for _, text in ipairs(SHOWN) do
    it("leaves as it is: " .. text, function() assert.equal(text, printable.line(text)) end)
  end

  it(
    "keeps o2x's own colours, around a text that has others",
    function()
      assert.equal("\27[32m\\x1b[31mx\27[0m é\\n", printable.line(printable.colour("32", "\27[31mx") .. " é\n"))
    end
  )
end)

describe("printable lines", function()
  it("keep their breaks, and nothing else", function()
    assert.equal("a\n\\x1b[2Jb\n\nc\n", printable.lines "a\n\27[2Jb\n\nc\n")
    assert.equal("a\\r\nb", printable.lines "a\r\nb")
  end)

  it(
    "keep colours that go over a break",
    function() assert.equal("\27[1ma\nb\27[0m", printable.lines(printable.colour("1", "a\nb"))) end
  )
end)

describe("a text without colours", function()
  it(
    "has neither marks nor codes",
    function()
      assert.equal("xy", printable.plain(printable.colour("31", "x") .. printable.line(printable.colour("1", "y"))))
    end
  )
end)

describe("printable JSON", function()
  it("has the same values", function()
    for what, case in pairs(HIDDEN) do
      if utf8.len(case[1]) and not case[1]:find "%z" then
        local text = printable.json(json.pretty { case[1] })
        assert.equal(case[1], json.decode(text)[1], what)
        assert.equal(text, printable.lines(text), what)
      end
    end
  end)
end)
