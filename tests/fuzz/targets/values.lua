-- A values file: what is set in it is what it has then, read anew, and nothing else has changed.
local only = require "tests.fuzz.only"
local helm_values = require "o2x.client.helm.values"
local json = require "o2x.base.json"

local VALUES <const> = { "x", "no", "a: b", "two\nlines\n", "é #", 7, 2.5, true, json.null, { k = { 1 } } }
local MOST <const> = 8 -- changes of one file

-- The values of a file as the text of JSON, without that of one path.
local function rest(doc, path)
  local texts = {}
  for _, one in ipairs(doc:paths()) do
    if one:sub(1, #path) ~= path then texts[#texts + 1] = one .. "=" .. json.encode(doc:get(one)) end
  end
  table.sort(texts)
  return table.concat(texts, "\n")
end

return only(function(text)
  local doc = helm_values.parse(text, "input")
  for i, path in ipairs(doc:paths()) do
    if i > MOST then break end
    local value = VALUES[i % #VALUES + 1]
    local before, others = doc:text(), rest(doc, path)
    -- A name is how paths find its item.
    if not path:find "name$" and pcall(doc.set, doc, path, value) then
      local again = helm_values.parse(doc:text(), "again")
      local got, read = json.encode(doc:get(path)), json.encode(again:get(path))
      assert(got == read and got == json.encode(value), "it reads as something else")
      assert(rest(again, path) == others, "something else has changed")
    else
      assert(doc:text() == before, "refused, and changed all the same")
    end
  end
end)
