--- Decodes bodies of type `application/vnd.kubernetes.protobuf`: a magic number and `runtime.Unknown`, which contains a
--- message of the API's types. helm and kubectl send some requests so. Both accept JSON responses, so nothing is
--- encoded.
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local M = {}

local MAGIC = "k8s\0"
local VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

local function varint(bytes, at)
  local n, shift = 0, 0
  while true do
    local b = bytes:byte(at)
    if not b or shift > 63 then error("truncated varint", 0) end
    n, at, shift = n | (b & 127) << shift, at + 1, shift + 7
    if b < 128 then return n, at end
  end
end

-- an iterator over the fields of a message: number, wire type, value
local function fields(bytes)
  local at = 1
  return function()
    if at > #bytes then return nil end
    local tag, wire, v
    tag, at = varint(bytes, at)
    wire = tag & 7
    if wire == VARINT then
      v, at = varint(bytes, at)
    elseif wire == BYTES then
      local size
      size, at = varint(bytes, at)
      if size < 0 or at + size - 1 > #bytes then error("truncated message", 0) end
      v, at = bytes:sub(at, at + size - 1), at + size
    elseif wire == FIXED64 then
      v, at = string.unpack("<i8", bytes, at)
    elseif wire == FIXED32 then
      v, at = string.unpack("<i4", bytes, at)
    else
      error("unknown wire type " .. wire, 0)
    end
    return tag >> 3, wire, v
  end
end

-- a message as number → last value
local function flat(bytes)
  local t = {}
  for number, _, v in fields(bytes) do
    t[number] = v
  end
  return t
end

local function time(bytes)
  local t = flat(bytes)
  return t[1] and value.time(t[1]) or nil
end

local function int_or_string(bytes)
  local t = flat(bytes)
  if t[1] == 1 then return t[3] or "" end
  return t[2] or 0
end

local SCALARS = {
  s = function(v) return v end,
  i = function(v) return v end,
  b = function(v) return v ~= 0 end,
  f = function(v) return string.unpack("<d", string.pack("<i8", v)) end,
  y = function(v) return crypto.base64(v) end,
  q = function(v) return flat(v)[1] end,
  t = time,
  o = int_or_string,
  j = function(v) return json.decode(flat(v)[1] or "null") end,
}

local message

local function decode_value(field, v)
  local scalar = SCALARS[field.code]
  if scalar then return scalar(v) end
  if field.code == "struct" then return message(types.get(field.type), v) end
  error("cannot decode " .. field.code, 0)
end

local function add_map_entry(map, field, bytes)
  local entry = flat(bytes)
  local v = entry[2] == nil and "" or decode_value(field.elem, entry[2])
  map[entry[1] or ""] = v
end

-- Go writes every field that is not a pointer, set or not; those that JSON would omit are omitted here
local function is_absent(field, v)
  if v == nil then return true end
  if field.pointer then return false end
  return v == "" or v == false or v == 0 and field.code == "i" or field.code == "struct" and next(v) == nil
end

function message(t, bytes, into)
  local object = into or {}
  for number, _, v in fields(bytes) do
    local field = t.numbers[number]
    if not field then goto continue end
    if field.embedded then
      message(types.get(field.type), v, object)
    elseif field.code == "list" then
      object[field.json] = object[field.json] or json.array {}
      table.insert(object[field.json], decode_value(field.elem, v))
    elseif field.code == "map" then
      object[field.json] = object[field.json] or {}
      add_map_entry(object[field.json], field, v)
    else
      local decoded = decode_value(field, v)
      if not is_absent(field, decoded) then object[field.json] = decoded end
    end
    ::continue::
  end
  return object
end

--- The message type of an apiVersion and kind.
---@param api_version string
---@param kind string
---@return lab.k8s.Type?
function M.type_of(api_version, kind)
  if api_version == "autoscaling/v1" and kind == "HorizontalPodAutoscaler" or kind == "Scale" then
    return types.get("V1" .. kind)
  end
  return types.get(kind)
end

--- Decodes a body.
---@param body string
---@return table? object nil: not such a body
---@return string? message
function M.decode(body)
  if body:sub(1, 4) ~= MAGIC then return nil, "provided data does not appear to be a protobuf message" end
  local ok, object = pcall(function()
    local unknown = flat(body:sub(5))
    local meta = flat(unknown[1] or "")
    local t = M.type_of(meta[1] or "", meta[2] or "")
    if not t then error(("no kind %q is registered for version %q"):format(meta[2] or "", meta[1] or ""), 0) end
    local decoded = message(t, unknown[2] or "")
    decoded.apiVersion, decoded.kind = meta[1], meta[2]
    return decoded
  end)
  if not ok then return nil, tostring(object) end
  return object
end

return M
