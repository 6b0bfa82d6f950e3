--- The OpenAPI v2 document, for kubectl before 1.27, in protobuf (gnostic's `openapi.v2.Document`). That kubectl
--- validates by it and computes patches from it, so it describes every type.
local kinds = require "lab.k8s.kinds"
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local M = {}

-- clients accept the first, which is not a valid media type; the response has the second
M.ACCEPT = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
M.MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

local function varint(n)
  local bytes = {}
  while n > 127 do
    bytes[#bytes + 1] = string.char(n & 127 | 128)
    n = n >> 7
  end
  bytes[#bytes + 1] = string.char(n)
  return table.concat(bytes)
end

-- a string or message field
local function field(number, bytes) return varint(number << 3 | 2) .. varint(#bytes) .. bytes end

local function named(name, bytes) return field(1, name) .. field(2, bytes) end

-- NamedAny { name, value = Any { yaml } }
local function extension(name, yaml) return named("x-kubernetes-" .. name, field(2, yaml)) end

local function version_kind(kind, as_list)
  local yaml = ("group: %q\nkind: %s\nversion: %s\n"):format(kind.group, kind.kind, kind.version)
  if as_list then yaml = "- " .. yaml:gsub("\n(.)", "\n  %1") end
  return extension("group-version-kind", yaml)
end

-- ParametersItem { Parameter { NonBodyParameter { QueryParameterSubSchema } } }
local DRY_RUN = field(1, field(2, field(3, field(2, "query") .. field(4, "dryRun") .. field(6, "string"))))

local function path_of(kind)
  local root = kind.group == "" and "/api/v1/" or "/apis/" .. kind.api_version .. "/"
  local operation = field(8, DRY_RUN) .. field(13, version_kind(kind, false))
  return named(
    root .. (kind.namespaced and "namespaces/{namespace}/" or "") .. kind.resource .. "/{name}",
    field(8, operation)
  )
end

local SCALARS = { s = "string", t = "string", y = "string", q = "string", i = "integer", b = "boolean", f = "number" }

-- numbers of a Schema's fields
local REF, FORMAT, ADDITIONAL, TYPE, ITEMS, PROPERTIES, VENDOR = 1, 2, 21, 22, 23, 25, 31

local function type_item(name) return field(TYPE, field(1, name)) end

local function schema_of(f)
  if f.code == "struct" then return field(REF, "#/definitions/lab." .. f.type) end
  if f.code == "map" then return field(ADDITIONAL, field(1, schema_of(f.elem))) .. type_item "object" end
  if f.code == "o" then return field(FORMAT, "int-or-string") .. type_item "string" end
  if f.code ~= "list" then return SCALARS[f.code] and type_item(SCALARS[f.code]) or "" end
  local merge = ""
  if f.merge then merge = field(VENDOR, extension("patch-strategy", "merge\n")) end
  if f.merge and f.merge ~= "" then merge = merge .. field(VENDOR, extension("patch-merge-key", f.merge .. "\n")) end
  return type_item "array" .. field(ITEMS, field(1, schema_of(f.elem))) .. merge
end

local function property(name, schema) return field(1, named(name, schema)) end

local function struct_schema(name, roots)
  local properties = {}
  local fields = types.get(name).fields
  for _, json in ipairs(value.keys(fields)) do
    properties[#properties + 1] = property(json, schema_of(fields[json]))
  end
  local vendor = ""
  for _, kind in ipairs(roots) do
    vendor = vendor .. field(VENDOR, version_kind(kind, true))
  end
  if #roots > 0 then
    table.insert(properties, property("apiVersion", type_item "string"))
    table.insert(properties, property("kind", type_item "string"))
  end
  return type_item "object" .. field(PROPERTIES, table.concat(properties)) .. vendor
end

local function definitions()
  local roots, list = {}, {}
  for _, kind in ipairs(kinds.list) do
    if kind.type == "Custom" then
      list[#list + 1] = field(
        1,
        named("lab." .. kind.group .. "." .. kind.kind, type_item "object" .. field(VENDOR, version_kind(kind, true)))
      )
    else
      roots[kind.type] = { kind }
    end
  end
  for _, name in ipairs(types.names()) do
    if name ~= "Custom" then
      list[#list + 1] = field(1, named("lab." .. name, struct_schema(name, roots[name] or {})))
    end
  end
  return table.concat(list)
end

--- The document, encoded.
---@return string
function M.document()
  local paths = {}
  for _, kind in ipairs(kinds.list) do
    paths[#paths + 1] = field(2, path_of(kind))
  end
  return field(1, "2.0")
    .. field(2, field(1, "Kubernetes") .. field(2, "v1.34.4"))
    .. field(8, table.concat(paths))
    .. field(9, definitions())
end

return M
