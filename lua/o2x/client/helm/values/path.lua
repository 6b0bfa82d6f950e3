---Paths into values files: `app.postgres.url`, `app.envMap[name=REDIS_HOST].value`, `hosts[0]` (from 0, as `helm --set`
---counts). A dot, bracket or backslash in a key is written with a backslash before it:
---`nodeSelector.kubernetes\.io/os`.

local errors = require "o2x.base.error"

local M = {}

local function fail(path, what)
  errors.raise {
    kind = "input",
    module = "helm_values",
    op = "path",
    message = ("the path %q: %s"):format(path, what),
  }
end

local BACKSLASH <const> = 92

local function unescape(text) return (text:gsub("\\(.)", "%1")) end

local function bracket(path, inside)
  local index = inside:match "^%d+$"
  if index then return { index = tonumber(index) + 1 } end
  local name, value = inside:match "^([%w_%-]+)=(.+)$"
  if not name then fail(path, ("[%s] is neither [number] nor [key=value]"):format(inside)) end
  return { name = name, value = unescape(value) }
end

-- The end of the run of characters from `at` that `stop` does not end; a backslash, which is one of `stop`, takes the
-- next character along.
local function run(path, at, stop)
  while true do
    local found = path:find(stop, at)
    if not found then return math.max(#path, at - 1) end
    if path:byte(found) ~= BACKSLASH then return found - 1 end
    at = found + 2
  end
end

--- Parses a path such as app.envMap[name=X].value.
---@param path string
---@return table[] parts { key = } | { index = } | { name =, value = }
function M.parse(path)
  if type(path) ~= "string" then fail(tostring(path), "not a string") end
  local parts, at = {}, 1
  while at <= #path do
    if path:sub(at, at) == "[" then
      local last = run(path, at + 1, "[\\%]]")
      if last >= #path then fail(path, "a [ without ]") end
      parts[#parts + 1] = bracket(path, path:sub(at + 1, last))
      at = last + 2
    else
      if #parts > 0 then
        if path:sub(at, at) ~= "." then fail(path, "expected . or [ after ]") end
        at = at + 1
      end
      local last = run(path, at, "[\\.%[]")
      if last < at then fail(path, "an empty key") end
      parts[#parts + 1] = { key = unescape(path:sub(at, math.min(last, #path))) }
      at = last + 1
    end
  end
  if #parts == 0 then fail(path, "empty") end
  return parts
end

---A key as a part of a path.
---@param key string
---@return string
function M.escape(key) return (key:gsub("[.%[%]\\]", "\\%0")) end

---The number of the list's element that a part means, or nil.
---@param part table
---@param list any[]
---@return integer?
function M.index(part, list)
  if part.index then return part.index <= #list and part.index or nil end
  for i, item in ipairs(list) do
    local held = type(item) == "table" and item[part.name]
    if held ~= nil and tostring(held) == part.value then return i end
  end
end

return M
