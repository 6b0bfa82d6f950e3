local literal = require "o2x.base.literal"

local CASES <const> = {
  { "", "" },
  { "abc", "abc" },
  { "^abc$", "abc" },
  { "TIDLT%-%d+", "TIDLT-" },
  { "[a-z0-9-]+%-billing%-service", "-billing-service" },
  { 'tenant=\\?"([%w-]+)', "tenant=" },
  { "secret/data/tenant/([%w-]+)", "secret/data/tenant/" },
  { "tenant%-([%w-]+)%.json", "tenant-" },
  { "ab(c)d", "abcd" },
  { "ab()cd", "abcd" },
  { "ab?cde", "cde" },
  { "ab*cde", "cde" },
  { "ab-cde", "cde" },
  { "ab+cde", "cde" },
  { "abc+d", "abc" },
  { "%a%d.", "" },
  { "[]x]abc", "abc" },
  { "[^]x]ab", "ab" },
  { "[%]x]ab", "ab" },
  { "%b()ab", "ab" },
  { "ab%f[%w]cde", "cde" },
  { "(a)%1bc", "bc" },
  { "a$b", "a$b" },
  { "a^b", "a^b" },
  { "%%%.%-", "%.-" },
}

describe("literal", function()
  for _, case in ipairs(CASES) do
    it(
      ("finds %q in the pattern %q"):format(case[2], case[1]),
      function() assert.equal(case[2], literal.of(case[1])) end
    )
  end

  it("finds only what each match has", function()
    local texts = { "a", "b", "ab", "abc", "aab", "abab", "ba.b", "a-b", "a%b", "1a", "b]a", "(ab)c", "" }
    local items = { "a", "b", ".", "%a", "[ab]", "[^a]", "%.", "%-", "(a)", "%]" }
    local counts = { "", "*", "+", "-", "?" }
    local tried = 0
    for _, first in ipairs(items) do
      for _, count in ipairs(counts) do
        for _, second in ipairs(items) do
          if not first:find "^%(" or count == "" then
            local pattern = first .. count .. second
            for _, text in ipairs(texts) do
              local found = text:match("()" .. pattern)
              if found then
                tried = tried + 1
                assert.truthy(text:find(literal.of(pattern), 1, true), pattern .. " in " .. text)
              end
            end
          end
        end
      end
    end
    assert.truthy(tried > 1000)
  end)
end)
