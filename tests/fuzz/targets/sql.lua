-- Statements of scripts: what is let through begins as a read, and is one statement.
local only = require "tests.fuzz.only"
local query = require "o2x.client.pg.query"

local FIRST <const> = { select = true, with = true, values = true, table = true, show = true, explain = true }

-- A comment may stand anywhere; what follows the first one is left to the lexer.
return only(function(text)
  query.check(text)
  local word = text:match "^[%s(;]*(%a+)"
  assert(word == nil or FIRST[word:lower()], text)
end)
