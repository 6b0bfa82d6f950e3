--- `meta.k8s.io/v1` Tables, as shown by `kubectl get`, built from the columns of each resource.
local columns = require "lab.k8s.columns"
local value = require "lab.k8s.value"

local M = {}

local FALLBACK = {
  { "Name", format = "name", cell = function(object) return object.metadata.name end },
  { "Age", cell = function(object, now) return columns.age(object.metadata.creationTimestamp, now) end },
}

local function definitions(list)
  local result = value.array {}
  for _, column in ipairs(list) do
    table.insert(result, {
      name = column[1],
      type = column.type or "string",
      format = column.format or "",
      description = column[1],
      priority = column.wide and 1 or 0,
    })
  end
  return result
end

local function row_object(object, include)
  if include == "Object" then return object end
  if include == "None" then return value.null end
  return { kind = "PartialObjectMetadata", apiVersion = "meta.k8s.io/v1", metadata = object.metadata }
end

--- The table of a list of objects.
---@param kind lab.k8s.Kind
---@param objects table[]
---@param meta table the list's metadata
---@param options { now: number, include: string?, version: string?, headless: boolean? }
---@return table
function M.render(kind, objects, meta, options)
  local list = columns.of(kind) or FALLBACK
  local rows = value.array {}
  for _, object in ipairs(objects) do
    local cells = value.array {}
    for _, column in ipairs(list) do
      table.insert(cells, column.cell(object, options.now))
    end
    table.insert(rows, { cells = cells, object = row_object(object, options.include) })
  end
  return {
    kind = "Table",
    apiVersion = "meta.k8s.io/" .. (options.version or "v1"),
    metadata = meta,
    columnDefinitions = options.headless and value.array {} or definitions(list),
    rows = rows,
  }
end

return M
