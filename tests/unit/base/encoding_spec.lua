local encoding = require "o2x.base.encoding"
local raised = require "tests.support.raised"

local function utf16(text, little)
  return (text:gsub(".", function(c) return little and c .. "\0" or "\0" .. c end))
end

describe("the encoding of a file", function()
  it("may be UTF-8, with a byte order mark or without", function()
    for _, text in ipairs { "", "a", "é€😀\r\n", "\u{85}\u{2028}\u{feff}" } do
      assert.equal(text, encoding.utf8(text, "f"))
      assert.equal(text, encoding.utf8("\xef\xbb\xbf" .. text, "f"))
      assert.equal(text, encoding.source("\xef\xbb\xbf" .. text, "f"))
    end
  end)

  local REFUSED <const> = {
    { "\xff\xfe" .. utf16("a: 1", true), "f: the file is UTF-16" },
    { "\xfe\xff" .. utf16("a: 1", false), "f: the file is UTF-16" },
    { utf16("a: 1", true), "f: the file is UTF-16" },
    { utf16("a: 1", false), "f: the file is UTF-16" },
    { "\xff\xfe\0\0a\0\0\0", "f: the file is UTF-32" },
    { "\0\0\xfe\xff\0\0\0a", "f: the file is UTF-32" },
    { "a\nbcd\0\n", "f:2: a NUL byte" },
  }
  for _, case in ipairs(REFUSED) do
    it(("is refused: %q"):format(case[1]), function()
      for _, check in ipairs { encoding.source, encoding.utf8 } do
        local err = raised(check, case[1], "f")
        assert.equal(case[2], (tostring(err):match "^[^;\n]*"))
        assert.is_string(err.hint)
      end
    end)
  end

  it("must be UTF-8 where a text is shown or compared", function()
    for _, bytes in ipairs { "\xe4", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc3" } do
      local err = raised(encoding.utf8, "one\ntwo " .. bytes, "f")
      assert.matches("^f:2: not UTF%-8", tostring(err))
      assert.equal("save it as UTF-8", err.hint)
      assert.equal("-- " .. bytes, encoding.source("-- " .. bytes, "f"))
    end
  end)
end)
