--- API discovery, aggregated and legacy, and enough of OpenAPI v3 that `helm` and `kubectl` leave validation to the
--- server. All documents are built once from the table of kinds.
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local openapi_v2 = require "lab.k8s.openapi_v2"
local value = require "lab.k8s.value"

local M = {}

M.VERSION = {
  major = "1",
  minor = "34",
  emulationMajor = "1",
  emulationMinor = "34",
  minCompatibilityMajor = "1",
  minCompatibilityMinor = "33",
  gitVersion = "v1.34.4",
  gitCommit = "",
  gitTreeState = "clean",
  buildDate = "1970-01-01T00:00:00Z",
  goVersion = "go1.26.8",
  compiler = "gc",
  platform = "linux/amd64",
}

local AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=%s;as=APIGroupDiscoveryList"

-- groups in the order of the table: { name, versions = { { name, kinds } } }, preferred version first
local function groups()
  local list, at = {}, {}
  for _, kind in ipairs(kinds.list) do
    local group = at[kind.group]
    if not group then
      group = { name = kind.group, versions = {} }
      at[kind.group] = group
      table.insert(list, group)
    end
    local version = group[kind.version]
    if not version then
      version = { name = kind.version, kinds = {} }
      group[kind.version] = version
      table.insert(group.versions, version)
    end
    table.insert(version.kinds, kind)
  end
  return list
end

local function response_kind(group, version, kind) return { group = group, version = version, kind = kind } end

local function aggregated_resource(kind)
  local subs = value.array {}
  local all = kinds.subresources(kind)
  for _, name in ipairs(value.keys(all)) do
    local sub = all[name]
    table.insert(subs, {
      subresource = name,
      responseKind = response_kind(sub.group, sub.version, sub.kind),
      verbs = value.array(value.copy(sub.verbs)),
    })
  end
  return {
    resource = kind.resource,
    responseKind = response_kind(kind.group, kind.version, kind.kind),
    scope = kind.namespaced and "Namespaced" or "Cluster",
    singularResource = kind.singular,
    verbs = kind.verbs,
    shortNames = kind.short,
    categories = kind.categories,
    subresources = #subs > 0 and subs or nil,
  }
end

local function aggregated(version, includes)
  local items = value.array {}
  for _, group in ipairs(groups()) do
    if includes(group.name) then
      local versions = value.array {}
      for _, v in ipairs(group.versions) do
        local resources = value.array {}
        for _, kind in ipairs(v.kinds) do
          table.insert(resources, aggregated_resource(kind))
        end
        table.insert(versions, { version = v.name, resources = resources, freshness = "Current" })
      end
      table.insert(items, { metadata = group.name ~= "" and { name = group.name } or {}, versions = versions })
    end
  end
  return {
    kind = "APIGroupDiscoveryList",
    apiVersion = "apidiscovery.k8s.io/" .. version,
    metadata = {},
    items = items,
  }
end

local function group_body(group)
  local versions = value.array {}
  for _, v in ipairs(group.versions) do
    table.insert(versions, { groupVersion = group.name .. "/" .. v.name, version = v.name })
  end
  return { name = group.name, versions = versions, preferredVersion = versions[1] }
end

local function resource_list(api_version)
  local resources = value.array {}
  for _, kind in ipairs(kinds.list) do
    if kind.api_version == api_version then
      table.insert(resources, {
        name = kind.resource,
        singularName = kind.singular,
        namespaced = kind.namespaced,
        kind = kind.kind,
        verbs = kind.verbs,
        shortNames = kind.short,
        categories = kind.categories,
      })
      local subs = kinds.subresources(kind)
      for _, name in ipairs(value.keys(subs)) do
        local sub = subs[name]
        table.insert(resources, {
          name = kind.resource .. "/" .. name,
          singularName = "",
          namespaced = kind.namespaced,
          kind = sub.kind,
          group = sub.group ~= "" and sub.group or nil,
          version = sub.version ~= "" and sub.version or nil,
          verbs = sub.verbs,
        })
      end
    end
  end
  return { kind = "APIResourceList", apiVersion = "v1", groupVersion = api_version, resources = resources }
end

local PARAMETERS = value.array {}
for _, name in ipairs { "dryRun", "fieldManager", "fieldValidation" } do
  table.insert(PARAMETERS, { name = name, ["in"] = "query", schema = { type = "string" } })
end

local function openapi_document(api_version)
  local paths = {}
  local root = api_version == "v1" and "/api/v1/" or "/apis/" .. api_version .. "/"
  for _, kind in ipairs(kinds.list) do
    if kind.api_version == api_version then
      local path = root .. (kind.namespaced and "namespaces/{namespace}/" or "") .. kind.resource .. "/{name}"
      paths[path] = {
        patch = {
          parameters = PARAMETERS,
          responses = {},
          ["x-kubernetes-group-version-kind"] = {
            group = kind.group,
            version = kind.version,
            kind = kind.kind,
          },
        },
      }
    end
  end
  return {
    openapi = "3.0.0",
    info = { title = "Kubernetes", version = "1.34" },
    paths = paths,
    components = { schemas = {} },
  }
end

local made = {}

-- a cached body: { text, etag }
local function once(name, make)
  if not made[name] then
    local text = make()
    text = type(text) == "table" and json.encode(text) or text
    made[name] = { text = text, etag = '"' .. crypto.sha256(text):upper() .. '"' }
  end
  return made[name]
end

local function answer(req, document, content_type)
  local headers = { ["Content-Type"] = content_type or "application/json", ETag = document.etag, Vary = "Accept" }
  if req.headers["if-none-match"] == document.etag then return 304, headers, "" end
  return 200, headers, document.text
end

local function wants_aggregated(req)
  local accept = req.headers.accept or ""
  if not accept:find("as=APIGroupDiscoveryList", 1, true) then return nil end
  return accept:find("v=v2;", 1, true) and "v2" or "v2beta1"
end

local function root(req, name, includes, legacy)
  local version = wants_aggregated(req)
  if version then
    local document = once(name .. version, function() return aggregated(version, includes) end)
    return answer(req, document, AGGREGATED:format(version))
  end
  return answer(req, once(name, legacy))
end

local function core_root(req)
  return root(
    req,
    "/api",
    function(group) return group == "" end,
    function()
      return {
        kind = "APIVersions",
        versions = value.array { "v1" },
        serverAddressByClientCIDRs = value.array {
          { clientCIDR = "0.0.0.0/0", serverAddress = "127.0.0.1" },
        },
      }
    end
  )
end

local function groups_root(req)
  return root(req, "/apis", function(group) return group ~= "" end, function()
    local list = value.array {}
    for _, group in ipairs(groups()) do
      if group.name ~= "" then table.insert(list, group_body(group)) end
    end
    return { kind = "APIGroupList", apiVersion = "v1", groups = list }
  end)
end

local function one_group(req, name)
  for _, group in ipairs(groups()) do
    if group.name == name then
      return answer(
        req,
        once("/apis/" .. name, function()
          local body = group_body(group)
          body.kind, body.apiVersion = "APIGroup", "v1"
          return body
        end)
      )
    end
  end
end

local function version_list(req, api_version)
  if not kinds.has_version(api_version) then return nil end
  return answer(req, once("list " .. api_version, function() return resource_list(api_version) end))
end

local function openapi_path(api_version) return api_version == "v1" and "api/v1" or "apis/" .. api_version end

local function openapi_root(req)
  return answer(
    req,
    once("/openapi/v3", function()
      local paths = {}
      for _, group in ipairs(groups()) do
        for _, v in ipairs(group.versions) do
          local api_version = (group.name == "" and "" or group.name .. "/") .. v.name
          local document = once("openapi " .. api_version, function() return openapi_document(api_version) end)
          local path = openapi_path(api_version)
          paths[path] = { serverRelativeURL = "/openapi/v3/" .. path .. "?hash=" .. document.etag:gsub('"', "") }
        end
      end
      return { paths = paths }
    end),
    "text/plain; charset=utf-8"
  )
end

local function openapi(req, path)
  local api_version = path:match("^api/(v1)$") or path:match("^apis/(.+)$")
  if not api_version or not kinds.has_version(api_version) then return nil end
  return answer(req, once("openapi " .. api_version, function() return openapi_document(api_version) end))
end

local function openapi_old(req)
  if not (req.headers.accept or ""):find(openapi_v2.ACCEPT, 1, true) then return nil end
  return answer(req, once("/openapi/v2", openapi_v2.document), openapi_v2.MEDIA_TYPE)
end

--- Handles a request for discovery, the version or OpenAPI.
---@param req table
---@return integer? status nil: the path is something else
---@return table? headers
---@return string? body
function M.handle(req)
  local path = #req.path > 1 and req.path:gsub("/$", "") or req.path
  if path == "/version" then
    return 200, { ["Content-Type"] = "application/json" }, json.pretty(M.VERSION)
  elseif path == "/api" then
    return core_root(req)
  elseif path == "/apis" then
    return groups_root(req)
  elseif path == "/openapi/v2" then
    return openapi_old(req)
  elseif path == "/openapi/v3" then
    return openapi_root(req)
  elseif path:match("^/openapi/v3/") then
    return openapi(req, path:sub(13))
  elseif path == "/api/v1" then
    return version_list(req, "v1")
  end
  local group = path:match("^/apis/([^/]+)$")
  if group then return one_group(req, group) end
  local api_version = path:match("^/apis/([^/]+/[^/]+)$")
  if api_version then return version_list(req, api_version) end
end

return M
