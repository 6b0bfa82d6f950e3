-- A text was shortened first and masked then: the part of the secret before the cut was printed.

local contract = require "o2x.engine.contract"
local diff = require "o2x.base.diff"
local failure = require "o2x.client.helm.failure"
local pg_error = require "o2x.client.pg.error"
local secret = require "o2x.base.secret"

local WORD = "first-of-the-secret\nsecond-of-the-secret"
-- Any part that could be recognised.
local PARTS = { "first%-of%-", "cond%-of%-the" }

local TYPE = { kind = "toy.value", key = function() return "k" end }

local CUTS = {
  ["a value of a diff"] = function() return diff.inline(("x"):rep(80) .. WORD .. ("y"):rep(80)) end,
  ["a value of a diff, at every place"] = function()
    local texts = {}
    for i = 50, 96 do
      texts[#texts + 1] = diff.inline(("x"):rep(i) .. WORD)
    end
    return table.concat(texts, "\n")
  end,
  ["a table of a diff"] = function() return diff.inline { a = ("x"):rep(70), b = WORD } end,
  ["the lines of a diff"] = function()
    return table.concat(diff.lines("a\n" .. WORD .. "\nb\n", "a\n" .. WORD .. "\nc\n"), "\n")
  end,
  ["a text that is added"] = function() return table.concat(diff.text(nil, "a\n" .. WORD .. "\n"), "\n") end,
  ["what an effect shows"] = function()
    return table.concat(contract.describe(TYPE, {}, nil, { note = ("x"):rep(85) .. WORD }).lines, "\n")
  end,
  ["PostgreSQL's message"] = function()
    return tostring(pg_error.statement({ dbname = "db" }, { code = "23505", message = "duplicate: " .. WORD }))
  end,
  ["helm's message"] = function() return failure.text { stderr = "Error: it has\n" .. WORD .. "\n" } end,
}

describe("a text is masked before it is cut:", function()
  local live
  setup(function() live = secret.new(WORD, "two lines") end)
  teardown(function() secret.wipe(live) end)
  for what, shown in pairs(CUTS) do
    it(what, function()
      local text = shown()
      for _, part in ipairs(PARTS) do
        assert.is_nil(text:find(part), text)
      end
      assert.matches("***", text, 1, true)
    end)
  end
end)
