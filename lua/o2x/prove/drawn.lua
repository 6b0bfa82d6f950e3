--- What each run draws anew: keys of rows that a server made, markers of effects, ids of runs, times. In what is
--- compared, all of a kind are alike.

local M = {}

local HASHED <const>, LETTER <const> = "[bcdf456789]", "[bcdfghjklmnpqrstvwxz2456789]"

--- The pattern of what is drawn in the name of a pod: the hash of its template, and five letters.
M.POD = "%-" .. HASHED:rep(6) .. HASHED .. "*%-" .. LETTER:rep(5) .. "%f[^%w]"

local DRAWN <const> = {
  { ("%x"):rep(8) .. ("%-%x%x%x%x"):rep(3) .. "%-" .. ("%x"):rep(12), "UUID" },
  { "%f[%x]" .. ("%x"):rep(32) .. "%f[^%x]", "MARKER" },
  { "R%-%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x%x%x%x", "RUN" },
  { "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z?", "TIME" },
}

--- A text in which what is drawn has the name of its kind.
---@param text string
---@return string
function M.without(text)
  for _, pair in ipairs(DRAWN) do
    text = text:gsub(pair[1], pair[2])
  end
  return text
end

return M
