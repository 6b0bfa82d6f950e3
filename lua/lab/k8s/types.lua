--- The types of the Kubernetes API that the simulator knows: one description for the protobuf decoder, strategic merge
--- patches, server-side apply and validation.
---
--- A line of `types_core.lua` and `types_groups.lua` is a type: `Name` (`Name!`: atomic in server-side apply), then its
--- fields `json=number:type`.
---
---   scalars     `s` string, `i` integer, `b` boolean, `f` number, `y` bytes (base64 in JSON), `q` quantity,
---               `o` integer or string, `t` time, `j` anything
---   composites  `[]x` list, `{}x` map, `Name` struct that is always present, `*Name` struct that may be absent
---               (`*i`: zero is a value too)
---   suffixes    `@a,b` list keyed by these fields (`@` alone: a set), `!` atomic, `%key` merged by that key in a
---               strategic merge patch (`%` alone: a merged list of scalars), `&` retains keys, `^` a list that Go
---               writes even if it is empty
---
--- A field without a name is an embedded message: its fields are in its parent's JSON.
local value = require "lab.k8s.value"

local M = {}

---@class lab.k8s.Field
---@field json string           its name in JSON
---@field number integer        its number on the wire
---@field code string           scalar code, "list", "map" or "struct"
---@field type string?          of a struct
---@field pointer boolean?      a struct that may be absent, or a scalar whose zero counts
---@field elem lab.k8s.Field?   of a list or map
---@field keys string[]?        keys of a list's elements under server-side apply
---@field set boolean?          a list that is a set
---@field atomic boolean?       replaced as a whole
---@field merge string?         key of a strategic merge; "" for scalars
---@field always boolean?       a list that is there even when it is empty
---@field embedded boolean?

---@class lab.k8s.Type
---@field name string
---@field atomic boolean
---@field fields table<string, lab.k8s.Field>
---@field numbers table<integer, lab.k8s.Field>

local sources, types = nil, {}

local function parse_type(text)
  if text:sub(1, 2) == "[]" then return { code = "list", elem = parse_type(text:sub(3)) } end
  if text:sub(1, 2) == "{}" then return { code = "map", elem = parse_type(text:sub(3)) } end
  local star, name = text:match("^(%*?)(%u%w*)")
  if name then return { code = "struct", type = name, pointer = star == "*" } end
  local pointer, code = text:match("^(%*?)(%l)$")
  return { code = code, pointer = pointer == "*" }
end

local function parse_field(text)
  local json, number, spec = text:match("^([%w]*)=(%d+):(.+)$")
  local base, modifiers = spec:match("^([%[%]{}%*%w]+)(.*)$")
  local field = parse_type(base)
  field.json, field.number, field.embedded = json, math.tointeger(number), json == "" or nil
  local keys = modifiers:match("@([%w,]*)")
  if keys == "" then
    field.set = true
  elseif keys then
    field.keys = {}
    for key in keys:gmatch("%w+") do
      table.insert(field.keys, key)
    end
  end
  field.atomic = modifiers:find("!", 1, true) and true or nil
  field.merge = modifiers:match("%%(%w*)")
  field.always = modifiers:find("^", 1, true) and true or nil
  return field
end

local function load_sources()
  -- of a custom resource, only the metadata are described
  sources = { Custom = { atomic = false, text = " metadata=1:ObjectMeta" } }
  for _, file in ipairs { "core", "groups" } do
    local text = require("lab.k8s.types_" .. file):gsub("\n  ", " ")
    for name, mark, fields in text:gmatch("(%u%w*)(!?)([^\n]*)\n") do
      sources[name] = { atomic = mark == "!", text = fields }
    end
  end
end

--- The description of a type.
---@param name string?
---@return lab.k8s.Type? nil: the type is not described
function M.get(name)
  if not name then return nil end
  if types[name] then return types[name] end
  if not sources then load_sources() end
  local source = sources[name]
  if not source then return nil end
  local t = { name = name, atomic = source.atomic, fields = {}, numbers = {} }
  types[name] = t
  for text in source.text:gmatch("%S+") do
    local field = parse_field(text)
    t.numbers[field.number] = field
    if field.embedded then
      for json, inner in pairs(M.get(field.type).fields) do
        t.fields[json] = inner
      end
    else
      t.fields[field.json] = field
    end
  end
  return t
end

--- The names of all types, sorted.
---@return string[]
function M.names()
  if not sources then load_sources() end
  return value.keys(sources)
end

--- The description of the value under `key` in a value described by `field`.
---@param field lab.k8s.Field? nil: not described
---@param key string
---@return lab.k8s.Field?
function M.child(field, key)
  if not field then return nil end
  if field.code == "struct" then
    local t = M.get(field.type)
    return t and t.fields[key]
  end
  if field.code == "map" or field.code == "list" then return field.elem end
  return nil
end

--- The description of a whole object of that type.
---@param name string?
---@return lab.k8s.Field?
function M.root(name) return M.get(name) and { json = "", number = 0, code = "struct", type = name } end

--- Whether the value is atomic: server-side apply replaces it as a whole.
---@param field lab.k8s.Field?
---@return boolean
function M.is_atomic(field)
  if not field then return false end
  if field.atomic then return true end
  if field.code == "list" then return not field.keys and not field.set end
  if field.code == "struct" then return M.get(field.type).atomic end
  return field.code ~= "map" -- scalars
end

return M
