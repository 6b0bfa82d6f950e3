--- Values as the records keep them: data that JSON can hold, from which the same value can be made again.
---
--- JSON knows neither NaN nor the difference between 2 and 2.0, no bytes, and no tables but lists and records. A value
--- that it lacks is a table with one of these keys; a table of a script that has such a key itself is a $table.
---
---   {"$bytes": base64}                     a text that is not UTF-8, or that has a NUL
---   {"$float": "2"}                        a float that is a whole number, or not finite
---   {"$table": [[key, value], …]}          a table that is neither a list nor a record
---   {"$ordered": [[key, value], …]}        a record with an order of its keys (yaml.ordered)
---   {"$unknown": true}                     known after apply
---   {"$secret": label, "fp": fingerprint}  a secret, which cannot be made again
---   {"$masked": text, "fp": tag}           what contained a secret (mask.lua)

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local ordered = require "o2x.base.ordered"
local secret = require "o2x.base.secret"
local unknown = require "o2x.base.unknown"

local M = {}

local DEEPEST <const> = 64 -- levels of tables, as between scripts and o2x

local FORM <const> = "%.17g"
local NAN <const> = 0 / 0
local SPECIAL <const> = { inf = math.huge, ["-inf"] = -math.huge, ["-0"] = -0.0 }
SPECIAL[FORM:format(NAN)], SPECIAL[FORM:format(-NAN)] = NAN, -NAN

---@class o2x.plain.options
---@field what string? what the value is, for the error about what cannot be recorded
---@field where (fun(): string?)? gives the script's line, for that error
---@field ordered boolean? keep the order of keys, which is no part of a value that is compared
---@field shown boolean? for people and programs that read JSON: numbers stay numbers, NaN becomes a text, secrets have
---  no tags, which differ between run stores
---@field planned boolean? a secret that is made by chance is unknown: the run makes another one than the plan

local function refuse(state, problem)
  errors.raise {
    kind = "failed",
    message = ("%s %s, which cannot be recorded"):format(state.what or "the value", problem),
    where = state.where and state.where(),
  }
end

local function is_text(text) return utf8.len(text) ~= nil and not text:find("\0", 1, true) end

--- Is it the reference to a secret?
---@param value any
---@return boolean
function M.is_secret(value) return type(value) == "table" and rawget(value, "$secret") ~= nil end

local function is_reference(value) return M.is_secret(value) or mask.is_reference(value) end

local function plain_number(state, n)
  if math.type(n) == "integer" then return n end
  if state.shown then return n - n == 0 and n or tostring(n) end
  local has_fraction = n == n and n ~= math.floor(n)
  return has_fraction and n or { ["$float"] = FORM:format(n) }
end

-- "list", "record", or "table" for what JSON has not
local function shape_of(value)
  local count, record = 0, true
  for key in pairs(value) do
    count = count + 1
    record = record and type(key) == "string" and is_text(key) and key:sub(1, 1) ~= "$"
  end
  if record then return count == 0 and json.is_array(value) and "list" or "record" end
  for i = 1, count do
    if value[i] == nil then return "table" end
  end
  return "list"
end

local function by_type_and_text(a, b)
  if type(a) ~= type(b) then return type(a) < type(b) end
  return tostring(a) < tostring(b)
end

local function sorted(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, by_type_and_text)
  return keys
end

local plain

local function plain_pairs(state, value, keys)
  local list = json.array {}
  for i, key in ipairs(keys) do
    list[i] = json.array { plain(state, key), plain(state, value[key]) }
  end
  return list
end

local function plain_fields(state, value)
  local shape = shape_of(value)
  if shape == "table" then return { ["$table"] = plain_pairs(state, value, sorted(value)) } end
  if shape == "record" and state.ordered and ordered.is(value) then
    return { ["$ordered"] = plain_pairs(state, value, ordered.keys(value)) }
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = plain(state, item)
  end
  return shape == "list" and json.array(copy) or copy
end

local function plain_table(state, value)
  if is_reference(value) then
    return { ["$secret"] = value["$secret"], ["$masked"] = value["$masked"], fp = not state.shown and value.fp or nil }
  end
  if frozen.is_handle(value) then refuse(state, "contains a handle") end
  if state.depth == DEEPEST then refuse(state, ("is nested deeper than %d levels"):format(DEEPEST)) end
  state.depth = state.depth + 1
  local copy = plain_fields(state, value)
  state.depth = state.depth - 1
  return copy
end

local function plain_secret(state, value)
  if state.planned and secret.is_fresh(value) then return { ["$unknown"] = true } end
  local label = tostring(value):match "^‹secret (.*)›$" or ""
  return { ["$secret"] = label, fp = not state.shown and secret.fingerprint(value) or nil }
end

function plain(state, value)
  local kind = type(value)
  if secret.is(value) then return plain_secret(state, value) end
  if unknown.is(value) then return { ["$unknown"] = true } end
  if kind == "table" then return plain_table(state, value) end
  if kind == "string" then return is_text(value) and value or { ["$bytes"] = crypto.base64(value) } end
  if kind == "number" then return plain_number(state, value) end
  if kind == "boolean" or kind == "nil" or value == json.null then return value end
  refuse(state, "contains a " .. kind)
end

--- A copy that JSON can hold; a secret becomes a reference.
---@param value any
---@param options o2x.plain.options?
---@return any
function M.of(value, options)
  local state = { depth = 0 }
  for name, item in pairs(options or {}) do
    state[name] = item
  end
  return plain(state, value)
end

--- A float of a record.
---@param text string
---@return number
local function to_float(text) return SPECIAL[text] or tonumber(text) + 0.0 end

local function from_pairs(list)
  local result, keys = {}, {}
  for i, pair in ipairs(list) do
    keys[i] = M.revive(pair[1])
    result[keys[i]] = M.revive(pair[2])
  end
  return result, keys
end

--- By the key of a kept value: makes the value again.
---@type table<string, fun(item: any): any>
local REVIVE = {
  ["$bytes"] = crypto.unbase64,
  ["$float"] = to_float,
  ["$table"] = function(list) return (from_pairs(list)) end,
  ["$ordered"] = function(list) return ordered.mark(from_pairs(list)) end,
  ["$unknown"] = function() return unknown.value end,
}

--- Makes the value of a record again. References to secrets stay references.
---@param value any
---@return any a copy
function M.revive(value)
  if type(value) ~= "table" or unknown.is(value) then return value end
  local name, item = next(value)
  if REVIVE[name] and next(value, name) == nil then return REVIVE[name](item) end
  local copy = {}
  for key, field in next, value do
    copy[key] = M.revive(field)
  end
  return json.is_array(value) and json.array(copy) or copy
end

--- Does a value from a journal contain a reference instead of content?
---@param value any
---@return boolean
function M.has_reference(value)
  if type(value) ~= "table" or unknown.is(value) then return false end
  if is_reference(value) then return true end
  for _, item in pairs(value) do
    if M.has_reference(item) then return true end
  end
  return false
end

return M
