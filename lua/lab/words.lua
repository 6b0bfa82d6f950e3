--- Replaces words in texts, in the form in which they are there: urbanos, Urbanos, URBANOS.

local M = {}

local function capital(text)
  return (text:gsub("^%l", string.upper):gsub("%-(%l)", function(letter) return letter:upper() end))
end

-- from → to, for each form of each word.
local function forms(words)
  local all = {}
  for from, to in pairs(words) do
    all[from:upper()], all[capital(from)] = to:upper(), capital(to)
  end
  for from, to in pairs(words) do
    all[from] = to
  end
  return all
end

--- The forms of a word.
---@param word string
---@return string[] urbanos, URBANOS, Urbanos
function M.forms(word) return { word, word:upper(), capital(word) } end

--- A function that replaces words in a text. Of two words of which one is in the other, the longer one counts.
---@param words table<string, string>
---@return fun(text: string): string
function M.replacer(words)
  local all, order = forms(words), {}
  for from in pairs(all) do
    order[#order + 1] = from
  end
  table.sort(order, function(a, b) return #a > #b or #a == #b and a < b end)
  local patterns = {}
  for i, from in ipairs(order) do
    patterns[i] = { (from:gsub("%p", "%%%0")), (all[from]:gsub("%%", "%%%%")) }
  end
  return function(text)
    for _, pair in ipairs(patterns) do
      text = text:gsub(pair[1], pair[2])
    end
    return text
  end
end

--- A copy of a table of texts, each changed.
---@param texts table<any, any>
---@param fn fun(text: string): string
---@return table
function M.each(texts, fn)
  local copy = {}
  for key, text in pairs(texts) do
    copy[key] = type(text) == "string" and fn(text) or text
  end
  return copy
end

return M
