--- Words of commands that people paste into a shell.

local M = {}

--- A word as a shell takes it: in single quotes, unless it is plain.
---@param word string
---@return string
function M.quote(word)
  if word ~= "" and not word:find "[^%w%-._/=:@,+%%]" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- A command of words, each as a shell takes it.
---@param words string[] not changed
---@return string
function M.command(words)
  local quoted = {}
  for i, word in ipairs(words) do
    quoted[i] = M.quote(word)
  end
  return table.concat(quoted, " ")
end

return M
