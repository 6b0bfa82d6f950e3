-- Messages of programs are put on one line, spaces instead of line breaks: base64 in lines was masked only as long as
-- it had them.

local crypto = require "o2x.base.crypto"
local secret = require "o2x.base.secret"

local TEXT <const> = "sesame/open-47110815"

describe("base64 in pieces", function()
  local kept
  setup(function() kept = secret.new(TEXT, "cave/word") end)
  teardown(function() secret.wipe(kept) end)

  for what, between in pairs {
    ["spaces"] = " ",
    ["spaces that indent"] = "    ",
    ["line breaks"] = "\n",
    ["line breaks with spaces"] = "\r\n  ",
    ["tabs"] = "\t",
    ["lines that go on"] = "\\\n  ",
  } do
    it("is masked with " .. what, function()
      for before = 0, 3 do
        local code = crypto.base64(("~"):rep(before) .. TEXT)
        for _, size in ipairs { 4, 6, 7, 16 } do
          local pieces = code:gsub(("."):rep(size), "%0" .. between:gsub("%%", "%%%%"))
          local clean = secret.scrub("the key is " .. pieces .. " and more")
          assert.matches("%*%*%*%*%*%*", clean)
          assert.falsy(clean:find(code:sub(-6):gsub("=", ""), 1, true), clean)
        end
      end
    end)
  end

  it("leaves other words alone", function()
    local text = "the quick brown fox jumps over the lazy dog 47110815 times"
    assert.equal(text, secret.scrub(text))
  end)
end)
