--- Values within values that others made: JSON of a column, values of a release. A tenant's file, and whatever reads
--- it, has a limit for how deep they may be; what is deeper is left where it is.

local json = require "o2x.json"

local M = {}

local DEEPEST <const> = 48 -- o2x reads 64 levels of a file, and what is looked at here stands some levels below its top

--- Why what is deeper is not taken.
M.WHY = ("is nested deeper than %d levels, which no file may be; it stays as it is"):format(DEEPEST)

local function fits(value, levels)
  if type(value) ~= "table" then return true end
  if levels == 0 then return false end
  for _, item in pairs(value) do
    if not fits(item, levels - 1) then return false end
  end
  return true
end

--- Can a file have a value?
---@param value any
---@return boolean
function M.fits(value) return fits(value, DEEPEST) end

--- Was a read refused because of what it found deep in an answer?
---@param err any
---@return boolean
function M.is_too_deep(err) return tostring(err):find("nested deeper than", 1, true) ~= nil end

--- Reads JSON that a column has as a text, so that it is no answer itself.
---@param text any what is no text is given back
---@return any value nil if a file cannot have it
---@return string|nil why it cannot
function M.decode(text)
  if type(text) ~= "string" then return text end
  local ok, value = pcall(json.decode, text, "it", { exact = true })
  if ok and fits(value, DEEPEST) then return value end
  if ok or M.is_too_deep(value) then return nil, M.WHY end
  return nil, ("is not taken as it is: %s; it stays so"):format(tostring(value):gsub("^it:%d+:%d+: ", ""))
end

--- Why what is null is not taken.
M.NULL = "is null, which a tenant's file cannot say; it stays as it is"

--- Takes what is null out of maps. Items of lists stay, because their places count.
---@param value any
---@param taken fun(path: string, why: string) called for each
---@param prefix string? of the paths
function M.without_nulls(value, taken, prefix)
  if type(value) ~= "table" then return end
  local names, is_list = {}, json.is_array(value)
  for name in pairs(value) do
    names[#names + 1] = name
  end
  for _, name in ipairs(names) do
    local path = prefix and prefix .. "." .. tostring(name) or tostring(name)
    if value[name] == json.null and not is_list then
      value[name] = nil
      taken(path, M.NULL)
    else
      M.without_nulls(value[name], taken, path)
    end
  end
end

return M
