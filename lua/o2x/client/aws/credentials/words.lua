--- Splits a text into words as a shell does: blanks, quotations, backslashes; nothing is expanded.

-- The part of a word at a place: a quotation, an escaped character, or plain text; nil if it does not end.
local function part_at(text, at)
  local first = text:sub(at, at)
  if first == "'" then return text:match("^'([^']*)'()", at) end
  if first == "\\" then return text:match("^\\(.)()", at) end
  if first ~= '"' then return text:match("^([^%s'\"\\]+)()", at) end
  local parts = {}
  at = at + 1
  while true do
    local plain, after = text:match('^([^"\\]+)()', at)
    if not plain then
      plain, after = text:match('^\\(["\\])()', at)
    end
    if not plain then
      plain, after = text:match("^(\\)()", at)
    end
    if not plain then break end
    parts[#parts + 1], at = plain, after
  end
  if text:sub(at, at) == '"' then return table.concat(parts), at + 1 end
end

--- The words of a text.
---@param text string
---@return string[]? words nil if a quotation does not end
return function(text)
  local words, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return words end
    local word = ""
    repeat
      local part, after = part_at(text, at)
      if not part then return nil end
      word, at = word .. part, after
    until at > #text or text:find("^%s", at)
    words[#words + 1] = word
  end
end
