--- Masks live secrets in values. A text for people is masked as a text. A value for the records becomes a reference,
--- {"$masked": masked text, fp = tag}: a resumed run cannot read the value again, but it can compare one with it.

local lazy = require "o2x.base.lazy"
local json = lazy "o2x.base.json"
local secret = require "o2x.base.secret"

local M = {}

--- A text without live secrets.
---@param text any what is no text is made one
---@return string
function M.text(text) return (secret.scrub(tostring(text))) end

--- The tag of a value, which is equal for equal values and says nothing else about them.
---@param value any plain data
---@return string
function M.tag(value) return secret.fingerprint(json.encode(json.array { value })) end

--- Is it the reference to a masked value?
---@param value any
---@return boolean
function M.is_reference(value)
  return type(value) == "table" and value ~= json.null and type(value["$masked"]) == "string"
end

--- What is shown of a recorded name: the name, or its masked text.
---@param name any
---@return any
function M.shown(name)
  if M.is_reference(name) then return name["$masked"] end
  return name
end

local function is_text(value) return type(value) == "string" or type(value) == "number" end

-- A key that is free in a table: two keys can look the same once they are masked.
local function free(copy, key)
  local name, count = key, 1
  while copy[name] ~= nil do
    count = count + 1
    name = ("%s#%d"):format(key, count)
  end
  return name
end

local shown_value

local function shown_table(value)
  local copy, masked = {}, {}
  for key, item in pairs(value) do
    if type(key) == "string" and secret.found(key) then
      masked[#masked + 1] = key
    else
      copy[key] = shown_value(item)
    end
  end
  table.sort(masked)
  for _, key in ipairs(masked) do
    copy[free(copy, M.text(key))] = shown_value(value[key])
  end
  return json.is_array(value) and json.array(copy) or copy
end

function shown_value(value)
  if is_text(value) then
    local clean, masked = secret.scrub(tostring(value))
    return masked and clean or value
  end
  if type(value) ~= "table" or value == json.null then return value end
  return shown_table(value)
end

--- A copy of plain data for people, without live secrets in its texts, numbers and keys.
---@param value any
---@return any
function M.value(value) return shown_value(value) end

local function reference(value)
  local text = type(value) == "string" and value or json.encode(value)
  return { ["$masked"] = M.text(text), fp = M.tag(value) }
end

local function has_masked_key(value)
  for key in pairs(value) do
    if type(key) == "string" and secret.found(key) then return true end
  end
  return false
end

--- A copy of plain data for the records: what contains a live secret becomes a reference. So does a table with a live
--- secret in a key.
---@param value any
---@return any
---@return boolean masked is there a reference in it?
function M.record(value)
  if is_text(value) then
    local found = secret.found(tostring(value)) ~= nil
    return found and reference(value) or value, found
  end
  if type(value) ~= "table" or value == json.null then return value, false end
  -- the reference of a secret: its label is for people only
  if value["$secret"] then return { ["$secret"] = M.text(value["$secret"]), fp = value.fp }, false end
  if has_masked_key(value) then return reference(value), true end
  local copy, any = {}, false
  for key, item in pairs(value) do
    local masked
    copy[key], masked = M.record(item)
    any = any or masked
  end
  return json.is_array(value) and json.array(copy) or copy, any
end

return M
