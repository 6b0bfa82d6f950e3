local encoding = require "o2x.client.flyway.encoding"

describe("a script's encoding", function()
  it("is turned into UTF-8", function()
    for _, case in ipairs {
      { "größe", nil, "größe" },
      { "größe", "UTF-8", "größe" },
      { "gr\xf6\xdfe", "ISO-8859-1", "größe" },
      { "\x80\x93x\x94", "windows-1252", "€“x”" },
      { "\xfe\xff\0a\0\xfc", "UTF-16", "aü" },
      { "\xff\xfea\0\xfc\0", "utf-16", "aü" },
      { "a\0\xfc\0\x3d\xd8\x00\xde", "UTF-16LE", "aü😀" },
      { "\0a\xd8\x3d\xde\x00", "UTF-16BE", "a😀" },
      { "abc", "US-ASCII", "abc" },
      { "gr\xf6\xdfe \xa4", "ISO8859_1", "größe ¤" },
      { "gr\xf6\xdfe \xa4\xbe", "ISO-8859-15", "größe €Ÿ" },
    } do
      assert.equal(case[3], (encoding.decode(case[1], case[2])))
    end
  end)

  it("must be what the text has", function()
    for _, case in ipairs {
      { "a\nb\xfc", nil, "line 2 is not UTF%-8: byte 0xFC" },
      { "\xed\xa0\x80", "UTF-8", "line 1 is not UTF%-8" },
      { "ü", "US-ASCII", "line 1 is not US%-ASCII" },
      { "\x81", "windows-1252", "line 1 is not windows%-1252" },
      { "a", "UTF-16", "line 1 is not UTF%-16" },
      { "\0a\xd8\x3d", "UTF-16BE", "not UTF%-16BE" },
      { "a", "EBCDIC", "the encoding 'EBCDIC' is not known" },
    } do
      local text, problem = encoding.decode(case[1], case[2])
      assert.is_falsy(text)
      assert.matches(case[3], problem)
    end
  end)
end)
