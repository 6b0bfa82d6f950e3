-- Each text of each tenant's file was taken apart by patterns to find the names of other tenants in it; that took most
-- of the time in which a fleet was selected. The words are found in C now: none may be missing.

local claims = require "stdlib.claims"
local words = require "o2x.core.words"

local FILES <const> = {
  ["hosts and names"] = { a = "https://api.acme-sbx.embrix.com/x", b = { "acme-service-billing", c = { d = "x.y" } } },
  ["upper case, and a dot at the end"] = { a = "ACME-SBX.Embrix.COM. and B-C..", b = "-", c = ".", d = "..." },
  ["what is written with a percent sign"] = {
    a = "acme%2esbx",
    b = "a%2Db%20c-d",
    c = "x-%",
    d = "x-%2",
    e = "%zz.a%41",
  },
  ["letters beyond ASCII"] = { a = "münchen-x.de", b = "é-", c = "a\0b-c" },
  ["no texts"] = { a = 1.5, b = true, c = {} },
  ["long words"] = { a = ("x"):rep(5000) .. ".acme.embrix.com", b = ("a-"):rep(3000) },
  ["underscores and digits"] = { a = "_a_-1", b = "1.5.2", c = "plain words without any" },
}

describe("the words of a file that may be names", function()
  for what, file in pairs(FILES) do
    it("are all found: " .. what, function()
      local found, count = {}, 0
      for _, word in ipairs(words.of(file)) do
        found[word] = true
      end
      claims.each_word(file, function(word)
        count = count + 1
        assert.is_true(found[word], word)
      end)
      assert.equal(count == 0, next(found) == nil)
    end)
  end

  it("are searched to a limit of levels", function()
    local deep = { "a-b" }
    for _ = 1, 1000 do
      deep = { deep }
    end
    assert.error_matches(function() words.of(deep) end, "nested too deep")
  end)
end)
