--- Rules for the parts of an object, from which contents/kinds.lua and contents/pod.lua are composed. A rule is a
--- function of (check, path, value); it calls check:refuse(path, why) for what a run may not write. Fields that no rule
--- names are refused, so a field that a later Kubernetes adds is refused until somebody has looked at it.

local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local M = {}

---@alias o2x.k8s.rule fun(check: table, path: string, item: any)

local SCALAR <const> = { string = true, number = true, boolean = true }

-- null means the same as a field that is not there.
local function is_absent(item) return item == nil or item == json.null end

local function is_map(item)
  if type(item) ~= "table" or json.is_array(item) then return false end
  for key in next, item do
    if type(key) ~= "string" then return false end
  end
  return true
end

local function is_list(item)
  if type(item) ~= "table" then return false end
  local count = 0
  for key in next, item do
    if math.type(key) ~= "integer" then return false end
    count = count + 1
  end
  return count == rawlen(item)
end

--- The keys of a map as it will be encoded, whatever its metatable says, sorted.
---@param map any
---@return string[] keys none if it is no table
function M.keys(map)
  local keys = {}
  for key in next, type(map) == "table" and map or {} do
    keys[#keys + 1] = tostring(key)
  end
  table.sort(keys)
  return keys
end

--- The path of a field: keys with dots, slashes and so on stand in brackets.
---@param path string
---@param key string|integer
---@return string
function M.below(path, key)
  if type(key) == "string" and key:find("^[%w_-]+$") then return path == "" and key or path .. "." .. key end
  return ("%s[%s]"):format(path, key)
end

-- "known after apply" is checked when it is known: a plan writes nothing.
local function apply(rule, check, path, item)
  if not is_absent(item) and not value.is_unknown(item) then rule(check, path, item) end
end

-- The same for a name that a rule knows: it has none of these.
local function dotted(path, key) return path == "" and key or path .. "." .. key end

--- A map with these fields and no others.
---@param known table<string, o2x.k8s.rule> by field
---@param required string[]? fields that must be there
---@return o2x.k8s.rule
function M.map(known, required)
  return function(check, path, item)
    if not is_map(item) then return check:refuse(path, "is not a map") end
    for _, key in ipairs(M.keys(item)) do
      local rule, one = known[key], rawget(item, key)
      if rule then
        apply(rule, check, dotted(path, key), one)
      elseif not is_absent(one) then
        check:refuse(M.below(path, key), "is not among the fields that a run may write")
      end
    end
    for _, key in ipairs(required or {}) do
      if is_absent(rawget(item, key)) then check:miss(M.below(path, key)) end
    end
  end
end

--- A map whose keys are free.
---@param rule o2x.k8s.rule of each value
---@param key_rule o2x.k8s.rule? of each key
---@return o2x.k8s.rule
function M.entries(rule, key_rule)
  return function(check, path, item)
    if not is_map(item) then return check:refuse(path, "is not a map") end
    for _, key in ipairs(M.keys(item)) do
      local place = M.below(path, key)
      apply(rule, check, place, rawget(item, key))
      if key_rule then key_rule(check, place, key) end
    end
  end
end

--- A list. Its items are named in paths by their `name`, or counted from 0 as kubectl does.
---@param rule o2x.k8s.rule of each item
---@return o2x.k8s.rule
function M.list(rule)
  return function(check, path, item)
    if not is_list(item) then return check:refuse(path, "is not a list") end
    for i = 1, rawlen(item) do
      local one = rawget(item, i)
      local name = type(one) == "table" and rawget(one, "name")
      local known = type(name) == "string" and name:find("^[%w._-]+$")
      apply(rule, check, ("%s[%s]"):format(path, known and name or i - 1), one)
    end
  end
end

--- A text, number, boolean or secret, which refers to nothing.
---@param check table
---@param path string
---@param item any
function M.plain(check, path, item)
  if not SCALAR[type(item)] and not secret.is(item) then check:refuse(path, "is not a plain value") end
end

--- Anything: data that the cluster does not act on.
function M.any() end

--- One of these values, exactly.
---@param ... string|number|boolean
---@return o2x.k8s.rule
function M.one_of(...)
  local allowed, names = {}, {}
  for i, one in ipairs { ... } do
    allowed[one], names[i] = true, one == "" and "empty" or tostring(one)
  end
  local why = "may only be " .. table.concat(names, " or ")
  return function(check, path, item)
    if not allowed[item] then check:refuse(path, why) end
  end
end

--- Two rules, one after the other.
---@param first o2x.k8s.rule
---@param second o2x.k8s.rule
---@return o2x.k8s.rule
function M.both(first, second)
  return function(check, path, item)
    first(check, path, item)
    second(check, path, item)
  end
end

return M
