--- Decodes request bodies (JSON, YAML, protobuf) and encodes responses (objects, lists, tables).
local convert = require "lab.k8s.convert"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local protobuf = require "lab.k8s.protobuf"
local status = require "lab.k8s.status"
local tables = require "lab.k8s.tables"
local value = require "lab.k8s.value"

local M = {}

local JSON_PATCH = "application/json-patch+json"

local READABLE <const> = {
  ["application/json"] = true,
  ["application/yaml"] = true,
  ["application/vnd.kubernetes.protobuf"] = true,
  ["application/apply-patch+yaml"] = true,
}
local UNKNOWN_FORMAT <const> = "the body of the request was in an unknown format - accepted media types include: "
  .. "application/json, application/yaml, application/vnd.kubernetes.protobuf"
local UNREADABLE <const> = "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json "
  .. "parse error: %s"

local function first_line(text) return (tostring(text):match("^[^\n]*")) end

local function decode_yaml(text) return require("o2x.base.yaml").decode(text) end

--- Reads the body of a request.
---@param req table
---@param kind lab.k8s.Kind? the expected kind
---@return table? body
---@return integer? status
---@return table? problem
function M.decode(req, kind)
  local media = (req.headers["content-type"] or "application/json"):match("^[^;%s]+")
  if kind and not READABLE[media] then return nil, status.failure(415, "UnsupportedMediaType", UNKNOWN_FORMAT) end
  if media == "application/vnd.kubernetes.protobuf" then
    local object, message = protobuf.decode(req.body)
    if not object then return nil, status.bad_request(message) end
    return object
  end
  local yaml = media:find("yaml", 1, true) and not req.body:match("^%s*[%[{]")
  local ok, result = pcall(yaml and decode_yaml or json.decode, req.body)
  if not ok or type(result) ~= "table" or value.is_list(result) ~= (media == JSON_PATCH) then
    local why = ok and "unexpected value" or first_line(result)
    return nil,
      status.bad_request(
        kind and UNREADABLE:format(kind.kind, why)
          or (media:find("yaml", 1, true) and "error decoding YAML: " or "error decoding patch: ") .. why
      )
  end
  return result
end

local function go_name(api_version, kind)
  local group, version = tostring(api_version):match("^(.-)/?([^/]+)$")
  return (group ~= "" and group:match("^[^.]+") or "core"), version .. "." .. kind
end

--- Checks that an object has the kind of the request's path.
---@param kind lab.k8s.Kind
---@param object table
---@return integer? status
---@return table? problem
function M.check_kind(kind, object)
  object.apiVersion = object.apiVersion or kind.api_version
  object.kind = object.kind or kind.kind
  if object.apiVersion == kind.api_version and object.kind == kind.kind then return nil end
  local given_kind, version = tostring(object.kind), tostring(object.apiVersion)
  if kind.custom then
    local is_kind = object.kind ~= kind.kind
    local field, given, right = "apiVersion", version, kind.api_version
    if is_kind then
      field, given, right = "kind", given_kind, kind.kind
    end
    local message = ("Invalid value: %q: must be %s"):format(given, right)
    local named = { group = kind.group, kind = given_kind }
    local name = type(object.metadata) == "table" and object.metadata.name or ""
    return status.invalid(named, name, { { reason = "FieldValueInvalid", field = field, message = message } })
  elseif not kinds.of(object.apiVersion, object.kind) then
    local why = '%s in version %q cannot be handled as a %s: no kind "%s" is registered for version %q in scheme '
      .. '"pkg/runtime/scheme.go:110"'
    return status.bad_request(why:format(given_kind, version:match "[^/]+$", kind.kind, given_kind, version))
  end
  local _, given = go_name(object.apiVersion, object.kind)
  local expected = go_name(kind.api_version, kind.kind)
  return status.bad_request(
    ("%s in version %q cannot be handled as a %s: converting (%s) to (%s.%s): unknown conversion"):format(
      object.kind,
      object.apiVersion:match("[^/]+$"),
      kind.kind,
      given,
      expected,
      kind.kind
    )
  )
end

local KNOWN <const> = {
  ["application/json"] = true,
  ["application/yaml"] = true,
  ["application/vnd.kubernetes.protobuf"] = true,
  ["application/*"] = true,
  ["*/*"] = true,
}
local FORMS <const> = {
  Table = { v1 = true, v1beta1 = true },
  PartialObjectMetadata = { v1 = true, v1beta1 = true },
  PartialObjectMetadataList = { v1 = true, v1beta1 = true },
}
local NOT_ACCEPTABLE <const> = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
  .. "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
  .. "application/vnd.kubernetes.protobuf;stream=watch"
local ONLY <const> = "only the following media types are accepted: application/json, application/yaml, "
  .. "application/vnd.kubernetes.protobuf"

--- The answer to a request that accepts no form of answer that there is.
---@param req table
---@return integer? status nil: it accepts one
---@return table? problem
function M.refusal(req)
  local accept = req.headers.accept or ""
  if accept == "" then return nil end
  local has_known = false
  for clause in accept:gmatch "[^,]+" do
    local form, version = clause:match ";%s*as=(%w+)", clause:match ";%s*v=(%w+)"
    if KNOWN[clause:match "^%s*([^;%s]+)"] then
      has_known = true
      if not form or (FORMS[form] or {})[version or "v1"] then return nil end
    end
  end
  if has_known then return status.failure(406, "NotAcceptable", ONLY) end
  return status.failure(406, "NotAcceptable", NOT_ACCEPTABLE, {})
end

--- The form of the response that the client accepts.
---@param req table
---@return { table: boolean?, partial: boolean?, include: string?, version: string? }
function M.view(req)
  local accept = req.headers.accept or ""
  return {
    table = accept:find("as=Table", 1, true) ~= nil or nil,
    include = req.query.includeObject,
    partial = accept:find("as=PartialObjectMetadata", 1, true) ~= nil or nil,
    version = accept:match("as=Table;v=(v%w+)"),
  }
end

local function partial(object)
  return { kind = "PartialObjectMetadata", apiVersion = "meta.k8s.io/v1", metadata = object.metadata }
end

--- A JSON response.
---@param code integer
---@param body table
---@param warnings string[]?
---@return integer status
---@return table headers
---@return string body
function M.answer(code, body, warnings)
  local headers = { ["Content-Type"] = "application/json", ["Cache-Control"] = "no-cache, private" }
  for i, warning in ipairs(warnings or {}) do
    headers.Warning = headers.Warning or {}
    headers.Warning[i] = ('299 - "%s"'):format(warning:gsub('[\\"]', "\\%0"))
  end
  local details = code >= 400 and body.details
  if details and details.retryAfterSeconds then headers["Retry-After"] = tostring(details.retryAfterSeconds) end
  return code, headers, json.encode(body)
end

--- The response with an object, in the form that the client accepts.
---@param kind lab.k8s.Kind
---@param object table in the version of the request
---@param view table
---@param now number
---@return integer status
---@return table headers
---@return string body
function M.object(kind, object, view, now)
  if view.table then
    object = tables.render(
      kind,
      { object },
      { resourceVersion = object.metadata.resourceVersion },
      { now = now, include = view.include, version = view.version }
    )
  elseif view.partial then
    object = partial(object)
  end
  return M.answer(200, object)
end

--- The response with a list, in the form that the client accepts.
---@param kind lab.k8s.Kind
---@param objects table[] as they are stored
---@param meta table the list's metadata
---@param view table
---@param now number
---@return integer status
---@return table headers
---@return string body
function M.list(kind, objects, meta, view, now)
  local items = value.array {}
  for _, object in ipairs(objects) do
    table.insert(items, convert.from_stored(kind, object))
  end
  if view.table then
    return M.answer(
      200,
      tables.render(kind, items, meta, { now = now, include = view.include, version = view.version })
    )
  elseif view.partial then
    for i, item in ipairs(items) do
      items[i] = partial(item)
    end
    -- The API server, too, has null for no item in this form alone.
    if not items[1] then items = value.null end
    return M.answer(
      200,
      { kind = "PartialObjectMetadataList", apiVersion = "meta.k8s.io/v1", metadata = meta, items = items }
    )
  end
  if not kind.custom then
    for i, item in ipairs(items) do
      items[i] = value.merged(item)
      items[i].apiVersion, items[i].kind = nil, nil
    end
  end
  return M.answer(200, { kind = kind.kind .. "List", apiVersion = kind.api_version, metadata = meta, items = items })
end

return M
