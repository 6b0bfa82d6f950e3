--- The text that each match of a Lua pattern has in it. To look for that first is much faster than to try the pattern
--- at each place of a text that has no match.

local M = {}

-- The place behind a set, which begins at `at`. A "]" that comes first is one of its characters.
local function behind_set(pattern, at)
  at = at + 1
  if pattern:sub(at, at) == "^" then at = at + 1 end
  repeat
    at = at + (pattern:sub(at, at) == "%" and 2 or 1)
  until at > #pattern or pattern:sub(at, at) == "]"
  return at + 1
end

-- The item at `at`: the character that it stands for, nil if that is not one only; the place behind it.
local function item(pattern, at)
  local first, second = pattern:sub(at, at), pattern:sub(at + 1, at + 1)
  if first == "[" then return nil, behind_set(pattern, at) end
  if first == "." then return nil, at + 1 end
  if first ~= "%" then return first, at + 1 end
  if second == "b" then return nil, at + 4 end
  if second == "f" then return nil, behind_set(pattern, at + 2) end
  if second:find "%w" then return nil, at + 2 end
  return second, at + 2
end

--- The longest text that a pattern needs wherever it matches.
---@param pattern string
---@return string text "" if there is none
function M.of(pattern)
  local longest, run, at = "", "", pattern:sub(1, 1) == "^" and 2 or 1
  local function close(with)
    run = run .. with
    if #run > #longest then longest = run end
    run = ""
  end
  while at <= #pattern do
    local first = pattern:sub(at, at)
    if first == "(" or first == ")" then
      at = at + 1
    elseif first == "$" and at == #pattern then
      break
    else
      local text, behind = item(pattern, at)
      local quantifier = pattern:sub(behind, behind):match "[*+?-]"
      at = behind + (quantifier and 1 or 0)
      if text and not quantifier then
        run = run .. text
      else
        close(quantifier == "+" and text or "")
      end
    end
  end
  close ""
  return longest
end

return M
