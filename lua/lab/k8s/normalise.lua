--- Brings objects from clients into canonical form: removes nulls and empty values, normalises quantities, checks
--- types, finds unknown fields.
local crypto = require "o2x.base.crypto"
local quantity = require "lab.k8s.quantity"
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local M = {}

local GO_TYPES = { s = "string", i = "int32", b = "bool", f = "float64", y = "[]uint8", t = "string" }

local function json_kind(v)
  if type(v) == "table" then return value.is_list(v) and "array" or "object" end
  return type(v) == "boolean" and "bool" or type(v)
end

local function mismatch(ctx, v, gotype)
  local path = ctx.path:gsub("%[%d+%]", ""):gsub("^%.", "")
  error(
    ("json: cannot unmarshal %s into Go struct field %s.%s of type %s"):format(json_kind(v), ctx.owner, path, gotype),
    0
  )
end

local function integer(ctx, v)
  local n = math.type(v) == "integer" and v or math.type(v) == "float" and math.tointeger(v)
  if not n then mismatch(ctx, v, GO_TYPES.i) end
  return n
end

local function expect(ctx, v, expected, gotype)
  if type(v) ~= expected then mismatch(ctx, v, gotype) end
  return v
end

-- Where Go's decoder of base64 stops: at the first byte that is none, or at an incomplete group at the end.
local function first_bad(text) return (text:find "[^%w+/=]" or #text // 4 * 4 + 1) - 1 end

local SCALARS = {
  s = function(ctx, v) return expect(ctx, v, "string", GO_TYPES.s) end,
  t = function(ctx, v) return expect(ctx, v, "string", GO_TYPES.t) end,
  b = function(ctx, v) return expect(ctx, v, "boolean", GO_TYPES.b) end,
  f = function(ctx, v) return expect(ctx, v, "number", GO_TYPES.f) end,
  i = integer,
  j = function(_, v) return value.copy(v) end,
  -- Go passes over line breaks in base64, and writes it without any.
  y = function(ctx, v)
    local text = expect(ctx, v, "string", GO_TYPES.y):gsub("[\r\n]", "")
    if not pcall(crypto.unbase64, text) then error("illegal base64 data at input byte " .. first_bad(text), 0) end
    return text
  end,
  q = function(ctx, v)
    if type(v) ~= "string" and type(v) ~= "number" then mismatch(ctx, v, "resource.Quantity") end
    return quantity.canonical(v) or error(quantity.message, 0)
  end,
  o = function(ctx, v)
    if type(v) == "string" then return v end
    return integer(ctx, v)
  end,
}

local walk

local function list(ctx, field, v)
  if type(v) ~= "table" or not value.is_list(v) and next(v) ~= nil then
    mismatch(ctx, v, "[]" .. (GO_TYPES[field.elem.code] or field.elem.type or "map"))
  end
  local result, path = value.array {}, ctx.path
  for i, item in ipairs(v) do
    ctx.path = path .. "[" .. i - 1 .. "]"
    if item ~= value.null then table.insert(result, walk(ctx, field.elem, item)) end
  end
  ctx.path = path
  return result
end

local function map(ctx, field, v)
  if type(v) ~= "table" or value.is_list(v) then
    mismatch(ctx, v, "map[string]" .. (GO_TYPES[field.elem.code] or "any"))
  end
  local result, path = {}, ctx.path
  for k, item in pairs(v) do
    -- Go's messages do not name the keys of maps of scalars.
    ctx.path = SCALARS[field.elem.code] and path or path .. "." .. k
    if item ~= value.null then result[k] = walk(ctx, field.elem, item) end
  end
  ctx.path = path
  return result
end

-- values that Go's `omitempty` omits
local function omitted(field, v)
  if field.pointer then return false end
  if type(v) == "table" then return next(v) == nil and field.code ~= "struct" and field.code ~= "j" end
  return v == "" or v == false or v == 0 and field.code == "i"
end

local function struct(ctx, field, v)
  if type(v) ~= "table" or value.is_list(v) and #v > 0 then mismatch(ctx, v, field.type) end
  local t, result, path, owner = types.get(field.type), {}, ctx.path, ctx.owner
  for k, item in pairs(v) do
    local inner = t.fields[k]
    ctx.path, ctx.owner = path .. "." .. k, field.type
    if not inner and field.type ~= "Custom" then
      if not (path == "" and (k == "apiVersion" or k == "kind")) then table.insert(ctx.unknown, ctx.path:sub(2)) end
      if path == "" then result[k] = (k == "apiVersion" or k == "kind") and item or nil end
    elseif item ~= value.null then
      local done = walk(ctx, inner, item)
      if not inner or not omitted(inner, done) then result[k] = done end
    end
  end
  ctx.path, ctx.owner = path, owner
  return result
end

local function anything(v)
  if type(v) ~= "table" then return v end
  local result = value.is_list(v) and value.array {} or {}
  for k, item in pairs(v) do
    if item ~= value.null then result[k] = anything(item) end
  end
  return result
end

function walk(ctx, field, v)
  if not field then return anything(v) end
  local scalar = SCALARS[field.code]
  if scalar then return scalar(ctx, v) end
  if field.code == "list" then return list(ctx, field, v) end
  if field.code == "map" then return map(ctx, field, v) end
  return struct(ctx, field, v)
end

--- Brings an object into canonical form.
---@param kind lab.k8s.Kind
---@param object table
---@return table? object a new one
---@return string[]|string unknown the paths of unknown fields, or what is wrong
function M.object(kind, object)
  local ctx = { path = "", owner = kind.kind, unknown = {} }
  local ok, result = pcall(walk, ctx, types.root(kind.type), object)
  if not ok then return nil, tostring(result) end
  table.sort(ctx.unknown)
  return result, ctx.unknown
end

return M
