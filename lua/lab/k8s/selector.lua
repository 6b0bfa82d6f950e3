--- Label and field selectors.
local label_selector = require "lab.k8s.label_selector"
local value = require "lab.k8s.value"

local M = {}

local function trim(text) return (text:match("^%s*(.-)%s*$")) end

--- Parses a label selector.
---@param text string?
---@return table[]? requirements { key, op = "in"|"notin"|"exists"|"absent", values }
---@return string? message
function M.parse(text) return label_selector.parse(text or "") end

--- Parses a field selector: `a=b,c!=d`.
---@param text string?
---@return table[]? requirements
---@return string? message
function M.parse_fields(text)
  local requirements = {}
  for part in (text or ""):gmatch "[^,]+" do
    local key, op, v = trim(part):match "^([^!=]+)([!=]=?)(.*)$"
    if not key or op == "!" then return nil, ("invalid selector: '%s'; can't understand '%s'"):format(text, part) end
    table.insert(requirements, { key = key, op = op == "!=" and "notin" or "in", values = { [v] = true } })
  end
  return requirements
end

--- The requirements of a `LabelSelector` (matchLabels, matchExpressions) or of a plain map of labels.
---@param selector table?
---@return table[]
function M.from_object(selector)
  selector = selector or {}
  local plain = not selector.matchLabels and not selector.matchExpressions
  local requirements = {}
  for _, key in ipairs(value.keys(plain and selector or selector.matchLabels)) do
    local label = (plain and selector or selector.matchLabels)[key]
    table.insert(requirements, { key = key, op = "in", values = { [label] = true } })
  end
  local ops = { In = "in", NotIn = "notin", Exists = "exists", DoesNotExist = "absent" }
  for _, expression in ipairs(selector.matchExpressions or {}) do
    local values = {}
    for _, v in ipairs(expression.values or {}) do
      values[v] = true
    end
    table.insert(requirements, { key = expression.key, op = ops[expression.operator], values = values })
  end
  return requirements
end

--- Whether labels match the requirements of a label selector.
---@param requirements table[]
---@param labels table<string, string>?
---@return boolean
function M.matches(requirements, labels)
  for _, r in ipairs(requirements) do
    local v = labels and labels[r.key]
    local ok
    if r.op == "in" then
      ok = v ~= nil and r.values[v]
    elseif r.op == "notin" then
      ok = v == nil or not r.values[v]
    elseif r.op == "exists" then
      ok = v ~= nil
    else
      ok = v == nil
    end
    if not ok then return false end
  end
  return true
end

--- A selector as text, as `kubectl` shows it: `app=x,tier in (a,b)`.
---@param selector table?
---@return string
function M.text(selector)
  local parts = {}
  for _, r in ipairs(M.from_object(selector)) do
    local values = value.keys(r.values)
    if r.op == "in" and #values == 1 then
      table.insert(parts, r.key .. "=" .. values[1])
    elseif r.op == "exists" then
      table.insert(parts, r.key)
    elseif r.op == "absent" then
      table.insert(parts, "!" .. r.key)
    else
      table.insert(parts, r.key .. " " .. r.op .. " (" .. table.concat(values, ",") .. ")")
    end
  end
  return table.concat(parts, ",")
end

--- Whether an object matches the requirements of a field selector. An absent field counts as empty.
---@param requirements table[]
---@param object table
---@return boolean
function M.matches_fields(requirements, object)
  for _, r in ipairs(requirements) do
    local v = object
    for name in r.key:gmatch("[^.]+") do
      v = type(v) == "table" and v[name] or nil
    end
    local found = r.values and r.values[tostring(v == nil and "" or v)] or false
    if found ~= (r.op == "in") then return false end
  end
  return true
end

return M
