--- The REST API: the object or collection of each path, and what each verb does to it.
local admission = require "lab.k8s.admission"
local body = require "lab.k8s.body"
local crypto = require "o2x.base.crypto"
local discovery = require "lab.k8s.discovery"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local deletion = require "lab.k8s.deletion"
local objects = require "lab.k8s.objects"
local list_options = require "lab.k8s.list_options"
local write_options = require "lab.k8s.options"
local rbac = require "lab.k8s.rbac"
local selector = require "lab.k8s.selector"
local status = require "lab.k8s.status"
local subresources = require "lab.k8s.subresources"
local convert = require "lab.k8s.convert"
local virtual = require "lab.k8s.computed"
local watch = require "lab.k8s.watch"

local M = {}

---@class lab.k8s.Target
---@field kind lab.k8s.Kind
---@field namespace string?
---@field name string?
---@field sub string?          subresource
---@field rest string?         raw path behind the subresource, for the proxy

local function decode(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function segments(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    table.insert(parts, decode(part))
  end
  return parts
end

-- the path after the first n segments, not decoded
local function tail(path, n)
  for _ = 1, n do
    path = path:match("^/+[^/]+(.*)$") or ""
  end
  return path
end

--- The object or collection that a path means.
---@param path string not decoded
---@return lab.k8s.Target?
---@return boolean? version_exists the API version exists, the resource does not
function M.target(path)
  local parts = segments(path)
  local api_version, at
  if parts[1] == "api" and parts[2] then
    api_version, at = parts[2], 3
  elseif parts[1] == "apis" and parts[3] then
    api_version, at = parts[2] .. "/" .. parts[3], 4
  else
    return nil
  end
  local namespace
  if parts[at] == "namespaces" and parts[at + 2] and not (parts[at + 2] == "status" or parts[at + 2] == "finalize") then
    namespace, at = parts[at + 1], at + 2
  end
  local kind = parts[at] and kinds.at(api_version, parts[at])
  if not kind or kind.namespaced ~= (namespace ~= nil) and (namespace or parts[at + 1]) then
    return nil, kinds.has_version(api_version)
  end
  return { kind = kind, namespace = namespace, name = parts[at + 1], sub = parts[at + 2], rest = tail(path, at + 2) }
end

local PATCHES = {
  ["application/json-patch+json"] = "json",
  ["application/merge-patch+json"] = "merge",
  ["application/strategic-merge-patch+json"] = "strategic",
  ["application/apply-patch+yaml"] = "apply",
}

--- The filter of a list, watch or deletion.
---@return (fun(object: table): boolean)?
---@return integer? status
---@return table? problem
---@return boolean? selective
local function filter_of(req, kind)
  local labels, fields, problem = list_options.selectors(kind, req.query)
  if not labels then return nil, fields, problem end
  return function(object)
    return selector.matches(labels, object.metadata.labels) and selector.matches_fields(fields, object)
  end,
    nil,
    nil,
    #labels + #fields > 0,
    labels
end

local function continue_token(rv, object)
  local start = (object.metadata.namespace and object.metadata.namespace .. "/" or "") .. object.metadata.name
  return (crypto.base64(json.encode { v = "meta.k8s.io/v1", rv = rv, start = start }):gsub("=+$", ""))
end

local function read_token(text)
  local padded = text .. ("="):rep(-#text % 4)
  local ok, token = pcall(function() return json.decode(crypto.unbase64(padded)) end)
  return ok and type(token) == "table" and token.start and token or nil
end

local function sort_key(object)
  return (object.metadata.namespace and object.metadata.namespace .. "/" or "") .. object.metadata.name
end

local TOO_OLD = "The provided continue parameter is too old to display a consistent list result. You can start a new "
  .. "list without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
  .. "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
  .. "modified, or deleted between the time the first chunk was returned and now may show up in the list."

-- one page of a list and the list's metadata
local function page(store, kind, found, query, selective)
  local limit = math.tointeger(tonumber(query.limit or "")) or 0
  local rv, from = store:version(), 1
  if query.continue and query.continue ~= "" then
    local token = read_token(query.continue)
    if not token then
      return nil, status.bad_request("invalid continue token: continue key is not valid: no JSON")
    elseif token.rv < store.oldest then
      return nil, status.expired(TOO_OLD)
    end
    rv = token.rv
    while found[from] and sort_key(found[from]) <= token.start do
      from = from + 1
    end
  end
  local meta = { resourceVersion = tostring(rv), continue = kind.custom and "" or nil }
  local to = limit > 0 and math.min(#found, from + limit - 1) or #found
  if to < #found then
    meta.continue = continue_token(rv, found[to])
    if not selective then meta.remainingItemCount = #found - to end
  end
  return table.move(found, from, to, 1, {}), meta
end

local function matching(store, kind, namespace, filter, labels)
  local found = {}
  for _, object in ipairs(virtual.list(store, kind, namespace, labels) or store:list(kind.store, namespace, labels)) do
    if filter(object) then table.insert(found, object) end
  end
  return found
end

--- Handles GET of a collection.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.list(api, req, target)
  local store, kind = api.store, target.kind
  local is_watch = req.query.watch == "true" or req.query.watch == "1"
  local wrong, why = list_options.problem(store, req.query, is_watch)
  if wrong then return body.answer(wrong, why) end
  local filter, code, problem, selective, labels = filter_of(req, kind)
  if not filter then return body.answer(code, problem) end
  if is_watch then return watch.serve(store, req, kind, target.namespace, filter, body.view(req)) end
  local found = matching(store, kind, target.namespace, filter, labels)
  local list, meta, expired = page(store, kind, found, req.query, selective)
  if not list then return body.answer(meta, expired) end
  return body.list(kind, list, meta, body.view(req), store.clock())
end

--- Handles GET of an object.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.get(api, req, target)
  local store, kind = api.store, target.kind
  local object = virtual.get(store, kind, target.namespace, target.name)
    or store:get(kind.store, target.namespace, target.name)
  if not object then return body.answer(status.not_found(kind, target.name)) end
  return body.object(kind, convert.from_stored(kind, object), body.view(req), store.clock())
end

local function decode_object(req, target)
  local object, code, problem = body.decode(req, target.kind)
  if not object then return nil, code, problem end
  code, problem = body.check_kind(target.kind, object)
  if code then return nil, code, problem end
  if object.metadata == nil or object.metadata == json.null then object.metadata = {} end
  if type(object.metadata) ~= "table" then
    return nil,
      status.bad_request(
        (
          "%s in version %q cannot be handled as a %s: json: cannot unmarshal %s into Go "
          .. "struct field %s.metadata of type v1.ObjectMeta"
        ):format(
          target.kind.kind,
          target.kind.version,
          target.kind.kind,
          type(object.metadata),
          target.kind.kind
        )
      )
  end
  local namespace = object.metadata.namespace
  if target.namespace and namespace and namespace ~= "" and namespace ~= target.namespace then
    return nil,
      status.bad_request("the namespace of the provided object does not match the namespace sent on " .. "the request")
  end
  return object
end

--- Handles POST.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.create(api, req, target)
  local object, code, problem = decode_object(req, target)
  if not object then return body.answer(code, problem) end
  local special = virtual.create(target.kind, {
    SelfSubjectAccessReview = function() return rbac.review(api, req.user, object) end,
    SelfSubjectRulesReview = function() return rbac.rules_review(api, req.user, object) end,
  })
  if special then return body.answer(201, special) end
  local options
  options, code, problem = write_options.of_write(req, target)
  if not options then return body.answer(code, problem) end
  code, problem = objects.create(api.store, target.kind, target.namespace, object, options)
  return body.answer(code, problem, options.warnings)
end

--- Handles PUT.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.update(api, req, target)
  local object, code, problem = decode_object(req, target)
  if not object then return body.answer(code, problem) end
  code, problem = objects.misnamed(object.metadata, target.namespace, target.name)
  if code then return body.answer(code, problem) end
  local options
  options, code, problem = write_options.of_write(req, target)
  if not options then return body.answer(code, problem) end
  code, problem = objects.update(api.store, target.kind, target.namespace, target.name, object, options)
  return body.answer(code, problem, options.warnings)
end

-- What is applied must say what it is, and must not say who manages it.
local function decode_applied(req, target)
  local object, code, problem = body.decode(req)
  if not object then return nil, code, problem end
  local kind = target.kind
  if object.apiVersion ~= kind.api_version or object.kind ~= kind.kind then
    local version = tostring(object.apiVersion or "")
    if not version:find("/", 1, true) then version = "/" .. version end
    return nil, status.bad_request(("invalid object type: %s, Kind=%s"):format(version, tostring(object.kind or "")))
  end
  object, code, problem = decode_object(req, target)
  if not object then return nil, code, problem end
  code, problem = objects.misnamed(object.metadata, target.namespace, target.name)
  if code then return nil, code, problem end
  if object.metadata.managedFields then return nil, status.bad_request "metadata.managedFields must be nil" end
  object.metadata.name = target.name
  return object
end

--- Handles PATCH.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.patch(api, req, target)
  local how = PATCHES[(req.headers["content-type"] or ""):match("^[^;%s]*")]
  if not how then return body.answer(status.failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})) end
  local patch, code, problem
  if how == "apply" then
    patch, code, problem = decode_applied(req, target)
  else
    patch, code, problem = body.decode(req)
  end
  if not patch then return body.answer(code, problem) end
  local options
  options, code, problem = write_options.of_write(req, target)
  if not options then return body.answer(code, problem) end
  code, problem = objects.patch(api.store, target.kind, target.namespace, target.name, how, patch, options)
  return body.answer(code, problem, options.warnings)
end

--- Handles DELETE of an object.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.delete(api, req, target)
  local options, code, problem = write_options.of_deletion(req)
  if not options then return body.answer(code, problem) end
  return body.answer(deletion.delete(api.store, target.kind, target.namespace, target.name, options))
end

--- Handles DELETE of a collection.
---@param api table
---@param req httpd.request
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.delete_collection(api, req, target)
  local filter, code, problem, _, labels = filter_of(req, target.kind)
  if not filter then return body.answer(code, problem) end
  local options
  options, code, problem = write_options.of_deletion(req)
  if not options then return body.answer(code, problem) end
  local found = matching(api.store, target.kind, target.namespace, filter, labels)
  for _, object in ipairs(found) do
    deletion.delete(api.store, target.kind, object.metadata.namespace, object.metadata.name, options)
  end
  return body.list(target.kind, found, { resourceVersion = tostring(api.store:version()) }, {}, api.store.clock())
end

local ON_OBJECT = { GET = M.get, PUT = M.update, PATCH = M.patch, DELETE = M.delete }
local ON_COLLECTION = { GET = M.list, POST = M.create, DELETE = M.delete_collection }
local ON_ALL_NAMESPACES = { GET = M.list }

local PUBLIC = { ["/healthz"] = true, ["/livez"] = true, ["/readyz"] = true, ["/version"] = true }

-- Admission policies see the name of an object that a request would create.
local function created_name(req, target, user)
  if user.all or req.method ~= "POST" or target.sub then return nil end
  local object = decode_object(req, target)
  return object and object.metadata.name
end

local function on_resource(api, req, target, user)
  local asked = rbac.attributes(req, target)
  if target.kind.group ~= "authorization.k8s.io" and not rbac.allowed(api, user, asked) then
    return body.answer(rbac.forbidden(user, asked, target))
  end
  req.user = user
  local refused, why = body.refusal(req)
  if refused then return body.answer(refused, why) end
  local code, problem = admission.check(api, user, req.method, target, created_name(req, target, user))
  if code then return body.answer(code, problem) end
  if target.sub and target.sub ~= "status" then
    return subresources.handle(api, req, target)
  elseif target.sub == "status" and not target.kind.status then
    return body.answer(status.failure(404, "NotFound", "the server could not find the requested resource", {}))
  end
  local everywhere = target.kind.namespaced and not target.namespace
  local handler = (target.name and ON_OBJECT or everywhere and ON_ALL_NAMESPACES or ON_COLLECTION)[req.method]
  if not handler then return body.answer(status.method_not_allowed()) end
  return handler(api, req, target)
end

--- Handles a request.
---@param api { store: lab.k8s.Store, token: string?, controllers: table, lab: table }
---@param req table
---@return integer? status nil: the response was streamed
---@return table? headers
---@return string? body
function M.handle(api, req)
  local user = PUBLIC[req.path] and { all = true } or rbac.user(api, req)
  if not user then return body.answer(status.unauthorised()) end
  if req.path:match("^/healthz") or req.path:match("^/livez") or req.path:match("^/readyz") then
    return 200, { ["Content-Type"] = "text/plain; charset=utf-8" }, "ok"
  end
  local code, headers, text = discovery.handle(req)
  if code then return code, headers, text end
  local target, version_exists = M.target(req.path)
  if target then return on_resource(api, req, target, user) end
  if version_exists or kinds.has_group(req.path:match "^/apis/([^/]+)") then
    return body.answer(status.failure(404, "NotFound", "the server could not find the requested resource", {}))
  end
  return 404, { ["Content-Type"] = "text/plain; charset=utf-8" }, "404 page not found\n"
end

return M
