--- The options of lists and watches: what the API server refuses of them.
local json = require "o2x.base.json"
local selector = require "lab.k8s.selector"
local status = require "lab.k8s.status"

local M = {}

local NUMBERS <const> = { "limit", "timeoutSeconds" }

local function forbidden(message)
  local cause = { reason = "FieldValueForbidden", field = "resourceVersionMatch", message = "Forbidden: " .. message }
  return status.invalid({ group = "meta.k8s.io", kind = "ListOptions" }, "", { cause })
end

local function match_problem(query)
  local match, version = query.resourceVersionMatch or "", query.resourceVersion or ""
  if query.sendInitialEvents then
    if match ~= "NotOlderThan" then
      return forbidden "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    end
  elseif match ~= "" and version == "" then
    return forbidden "resourceVersionMatch is forbidden unless resourceVersion is provided"
  end
end

local function version_problem(store, query, is_watch)
  local version = query.resourceVersion or ""
  if version ~= "" and not version:match "^%d+$" then
    local why = ("resourceVersion: Invalid value: %s: strconv.ParseUint: parsing %s: invalid syntax"):format(
      json.encode(version),
      json.encode(version)
    )
    if is_watch then return status.failure(500, nil, why) end
    return status.bad_request("invalid resource version: " .. why)
  end
  if not is_watch and (tonumber(version) or 0) > store:version() then
    return status.too_new(version, store:version())
  end
end

--- What is wrong with the options of a list or watch.
---@param store lab.k8s.Store
---@param query table<string, string>
---@param is_watch boolean
---@return integer? status nil: nothing
---@return table? problem
function M.problem(store, query, is_watch)
  for _, name in ipairs(NUMBERS) do
    local text = query[name]
    if text and text ~= "" and not text:match "^[-+]?%d+$" then
      return status.bad_request(("strconv.ParseInt: parsing %s: invalid syntax"):format(json.encode(text)))
    end
  end
  local code, problem = match_problem(query)
  if code then return code, problem end
  return version_problem(store, query, is_watch)
end

local function unsupported(kind, key)
  if kind.custom or next(kind.fields) then return "field label not supported: " .. key end
  return ('"%s" is not a known field selector: only "metadata.name", "metadata.namespace"'):format(key)
end

--- The selectors of a list, watch or deletion.
---@param kind lab.k8s.Kind
---@param query table<string, string>
---@return table[]? labels requirements
---@return table[]|integer fields requirements, or a status
---@return table? problem
function M.selectors(kind, query)
  local labels, message = selector.parse(query.labelSelector)
  if not labels then return nil, status.bad_request(message) end
  local fields
  fields, message = selector.parse_fields(query.fieldSelector)
  if not fields then return nil, status.bad_request(message) end
  for _, each in ipairs(fields) do
    if each.key ~= "metadata.name" and each.key ~= "metadata.namespace" and not kind.fields[each.key] then
      return nil, status.bad_request(unsupported(kind, each.key))
    end
  end
  return labels, fields
end

return M
