--- "Did you mean …?": finds the closest match for a misspelt name.

local M = {}

local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local corner = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      corner, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, corner + cost)
    end
  end
  return row[#b]
end

-- For a word that is part of a name: "sso" in "service-sso".
local function holding(part, names)
  if #part < 3 then return nil end
  for _, candidate in ipairs(names) do
    if candidate:find(part, 1, true) then return candidate end
  end
end

--- The closest of the names by edit distance, if it is close enough; else the first name that contains the word.
---@param name string
---@param names string[]
---@return string?
function M.nearest(name, names)
  if #name > 64 then return nil end
  local best, least = nil, math.max(2, #name // 3) + 1
  for _, candidate in ipairs(names) do
    local d = distance(name, candidate)
    if d < #name and (d < least or d == least and best and candidate < best) then
      best, least = candidate, d
    end
  end
  return best or holding(name, names)
end

--- "; did you mean NAME?" or "".
---@param name string
---@param names string[]
---@return string
function M.did_you_mean(name, names)
  local found = M.nearest(name, names)
  return found and ("; did you mean %s?"):format(found) or ""
end

return M
