--- The API server's validation: the list of an object's problems, with the messages of the real server.
local json = require "o2x.base.json"
local quantity = require "o2x.client.k8s.quantity"
local selector = require "lab.k8s.selector"
local value = require "lab.k8s.value"

local M = {}

local SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
  .. "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
  .. "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
local LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
  .. "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
  .. "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
local DNS1035 = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
  .. "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
  .. "'[a-z]([-a-z0-9]*[a-z0-9])?')"
local LABEL_VALUE = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
  .. "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
  .. "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
local CONFIG_KEY = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
  .. "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

local function is_label(text)
  if #text > 63 then return false end
  return text:match "^[a-z0-9][-a-z0-9]*$" ~= nil and text:sub(-1) ~= "-"
end

local function is_subdomain(text)
  if #text > 253 or text == "" then return false end
  for part in (text .. "."):gmatch("([^.]*)%.") do
    if not part:match("^[a-z0-9][-a-z0-9]*$") or part:sub(-1) == "-" then return false end
  end
  return true
end

local Causes = {}
Causes.__index = Causes

--- Adds a cause.
---@param reason string
---@param field string path
---@param message string
function Causes:add(reason, field, message) self[#self + 1] = { reason = reason, field = field, message = message } end

--- Adds that a field is missing.
---@param field string path
---@param more string? why
function Causes:required(field, more)
  self:add("FieldValueRequired", field, "Required value" .. (more and ": " .. more or ""))
end

--- Adds that a value is invalid.
---@param field string path
---@param v any value
---@param why string
function Causes:invalid(field, v, why)
  local text = type(v) == "table" and json.encode(v) or type(v) == "string" and ("%q"):format(v) or tostring(v)
  self:add("FieldValueInvalid", field, ("Invalid value: %s: %s"):format(text, why))
end

local function unsupported(causes, field, v, allowed)
  local quoted = {}
  for _, a in ipairs(allowed) do
    if a == v then return end
    table.insert(quoted, ("%q"):format(a))
  end
  causes:add(
    "FieldValueNotSupported",
    field,
    ("Unsupported value: %q: supported values: %s"):format(tostring(v), table.concat(quoted, ", "))
  )
end

local NAMES = { namespaces = { is_label, LABEL }, services = { is_label, DNS1035 } }

local function metadata(causes, kind, meta)
  local rule = NAMES[kind.resource] or { is_subdomain, SUBDOMAIN }
  if kind.group == "rbac.authorization.k8s.io" then rule = { function() return true end } end
  if not meta.name then
    causes:required("metadata.name", "name or generateName is required")
  elseif not rule[1](meta.name) or kind.resource == "services" and not meta.name:match("^%l") then
    causes:invalid("metadata.name", meta.name, rule[2])
  end
  for _, key in ipairs(value.keys(meta.labels)) do
    local v = meta.labels[key]
    if #v > 63 then
      causes:invalid("metadata.labels", v, "must be no more than 63 bytes")
    elseif v ~= "" and not v:match("^%w[%w%-_.]*$") or v:match("[^%w]$") then
      causes:invalid("metadata.labels", v, LABEL_VALUE)
    end
  end
end

local function pod_spec(causes, spec, path)
  if not spec.containers or #spec.containers == 0 then causes:required(path .. ".containers") end
  local seen = {}
  for i, c in ipairs(spec.containers or {}) do
    local at = ("%s.containers[%d]"):format(path, i - 1)
    if not c.name then causes:required(at .. ".name") end
    if not c.image then causes:required(at .. ".image") end
    if c.name and seen[c.name] then
      causes:add("FieldValueDuplicate", at .. ".name", ("Duplicate value: %q"):format(c.name))
    end
    if c.name and not is_label(c.name) then causes:invalid(at .. ".name", c.name, LABEL) end
    seen[c.name or ""] = true
    for j, port in ipairs(c.ports or {}) do
      if not port.containerPort then causes:required(("%s.ports[%d].containerPort"):format(at, j - 1)) end
    end
    for j, env in ipairs(c.env or {}) do
      if not env.name then causes:required(("%s.env[%d].name"):format(at, j - 1)) end
    end
    unsupported(causes, at .. ".imagePullPolicy", c.imagePullPolicy, { "Always", "IfNotPresent", "Never" })
  end
end

local function workload(causes, object)
  local spec = object.spec
  if (spec.replicas or 0) < 0 then
    causes:invalid("spec.replicas", spec.replicas, "must be greater than or equal to 0")
  end
  if not spec.selector then
    causes:required("spec.selector")
  elseif not selector.matches(selector.from_object(spec.selector), spec.template.metadata.labels) then
    causes:invalid(
      "spec.template.metadata.labels",
      spec.template.metadata.labels or {},
      "`selector` does not match template `labels`"
    )
  end
  pod_spec(causes, spec.template.spec, "spec.template.spec")
end

local function strategy(causes, given)
  unsupported(causes, "spec.strategy.type", given.type, { "Recreate", "RollingUpdate" })
  if given.type == "Recreate" and given.rollingUpdate then
    local why = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
    causes:add("FieldValueForbidden", "spec.strategy.rollingUpdate", why)
  end
end

local function service(causes, object)
  local spec = object.spec
  unsupported(causes, "spec.type", spec.type, { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort" })
  if spec.type ~= "ExternalName" and spec.clusterIP ~= "None" and #(spec.ports or {}) == 0 then
    causes:required("spec.ports")
  end
  for i, port in ipairs(spec.ports or {}) do
    local at = ("spec.ports[%d]"):format(i - 1)
    if #spec.ports > 1 and not port.name then causes:required(at .. ".name") end
    if not port.port then
      causes:required(at .. ".port")
    elseif port.port < 1 or port.port > 65535 then
      causes:invalid(at .. ".port", port.port, "must be between 1 and 65535, inclusive")
    end
  end
end

local function ingress(causes, object)
  local spec = object.spec or {}
  if #(spec.rules or {}) == 0 and not spec.defaultBackend then
    causes:invalid("spec", {}, "either `defaultBackend` or `rules` must be specified")
  end
  for i, rule in ipairs(spec.rules or {}) do
    for j, path in ipairs(value.get(rule, "http", "paths") or {}) do
      local at = ("spec.rules[%d].http.paths[%d]"):format(i - 1, j - 1)
      if not path.pathType then causes:required(at .. ".pathType", "pathType must be specified") end
      if not value.get(path, "backend", "service", "name") and not value.get(path, "backend", "resource") then
        causes:required(at .. ".backend.service.name")
      end
    end
  end
end

local function claim(causes, object)
  local spec = object.spec
  if #(spec.accessModes or {}) == 0 then causes:required("spec.accessModes", "at least 1 access mode is required") end
  if not value.get(spec, "resources", "requests", "storage") then causes:required("spec.resources[storage]") end
end

local MOST_DATA <const> = 1048576 -- bytes, of a Secret or a ConfigMap

local function decoded_size(text) return #text // 4 * 3 - #text:match "=*$" end

local function data(causes, object)
  local size = 0
  for _, key in ipairs(value.keys(object.data)) do
    if not key:match("^[-._%w]+$") then causes:invalid("data[" .. key .. "]", key, CONFIG_KEY) end
    local text = tostring(object.data[key])
    size = size + (object.kind == "Secret" and decoded_size(text) or #text)
  end
  for _, key in ipairs(value.keys(object.binaryData)) do
    size = size + decoded_size(tostring(object.binaryData[key]))
  end
  if size > MOST_DATA then
    local field = object.kind == "Secret" and "data" or "[]"
    causes:add("FieldValueTooLong", field, ("Too long: may not be more than %d bytes"):format(MOST_DATA))
  end
end

local function hpa(causes, object)
  local spec = object.spec
  if not spec.maxReplicas or spec.maxReplicas < 1 then
    causes:invalid("spec.maxReplicas", spec.maxReplicas or 0, "must be greater than 0")
  elseif spec.minReplicas and spec.minReplicas > spec.maxReplicas then
    causes:invalid("spec.maxReplicas", spec.maxReplicas, "must be greater than or equal to `minReplicas`")
  end
  if not value.get(spec, "scaleTargetRef", "name") then causes:required("spec.scaleTargetRef.name") end
end

local BY_RESOURCE = {
  deployments = function(causes, object)
    workload(causes, object)
    strategy(causes, object.spec.strategy or {})
  end,
  replicasets = workload,
  statefulsets = workload,
  daemonsets = workload,
  pods = function(causes, object) pod_spec(causes, object.spec, "spec") end,
  jobs = function(causes, object) pod_spec(causes, object.spec.template.spec, "spec.template.spec") end,
  cronjobs = function(causes, object)
    if not object.spec.schedule then causes:required("spec.schedule") end
    pod_spec(causes, object.spec.jobTemplate.spec.template.spec, "spec.jobTemplate.spec.template.spec")
  end,
  services = service,
  ingresses = ingress,
  persistentvolumeclaims = claim,
  secrets = data,
  configmaps = data,
  horizontalpodautoscalers = hpa,
}

--- Validates a new object.
---@param kind lab.k8s.Kind
---@param object table
---@return table[]? causes nil: the object is valid
function M.new_object(kind, object)
  local causes = setmetatable({}, Causes)
  metadata(causes, kind, object.metadata)
  local check = BY_RESOURCE[kind.resource]
  if check and not kind.custom then check(causes, object) end
  return #causes > 0 and causes or nil
end

local function immutable(causes, field, old, new)
  if not value.equal(old, new) then causes:invalid(field, new, "field is immutable") end
end

local function selector_immutable(causes, live, object)
  immutable(causes, "spec.selector", live.spec.selector, object.spec.selector)
end

-- An object that was marked as immutable keeps what it holds, and the mark.
local function data_immutable(causes, live, object)
  if not live.immutable then return end
  local forbidden = "Forbidden: field is immutable when `immutable` is set"
  if not object.immutable then causes:add("FieldValueForbidden", "immutable", forbidden) end
  for _, name in ipairs { "data", "binaryData" } do
    if not value.equal(live[name] or {}, object[name] or {}) then causes:add("FieldValueForbidden", name, forbidden) end
  end
end

local function template_immutable(causes, live, object)
  immutable(causes, "spec.template", live.spec.template, object.spec.template)
end

local function claim_immutable(causes, live, object)
  local old, new = value.copy(live.spec), value.copy(object.spec)
  if live.status.phase == "Bound" then
    local before, after = old.resources.requests, new.resources.requests
    old.resources.requests, new.resources.requests = nil, nil
    if value.equal(old, new) and quantity.value(after.storage) < quantity.value(before.storage) then
      causes:add(
        "FieldValueForbidden",
        "spec.resources.requests.storage",
        "Forbidden: field can not be less than status.capacity"
      )
    end
  end
  new.volumeName = new.volumeName or old.volumeName
  if not value.equal(old, new) then
    causes:add(
      "FieldValueForbidden",
      "spec",
      "Forbidden: spec is immutable after creation except resources.requests and "
        .. "volumeAttributesClassName for bound claims"
    )
  end
end

local IMMUTABLE = {
  deployments = selector_immutable,
  replicasets = selector_immutable,
  daemonsets = selector_immutable,
  persistentvolumeclaims = claim_immutable,
  secrets = function(causes, live, object)
    immutable(causes, "type", live.type, object.type)
    data_immutable(causes, live, object)
  end,
  configmaps = data_immutable,
  jobs = template_immutable,
  services = function(causes, live, object)
    local ip = object.spec.clusterIP
    if ip and live.spec.clusterIP ~= ip and object.spec.type ~= "ExternalName" then
      causes:add(
        "FieldValueInvalid",
        "spec.clusterIPs[0]",
        ('Invalid value: ["%s"]: may not change once set'):format(ip)
      )
    end
  end,
  statefulsets = function(causes, live, object)
    selector_immutable(causes, live, object)
    for _, name in ipairs { "serviceName", "volumeClaimTemplates", "podManagementPolicy" } do
      if not value.equal(live.spec[name], object.spec[name]) then
        causes:add(
          "FieldValueForbidden",
          "spec",
          "Forbidden: updates to statefulset spec for fields other than 'replicas', "
            .. "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
            .. "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        )
        return
      end
    end
  end,
}

--- Validates a change of an object.
---@param kind lab.k8s.Kind
---@param live table
---@param object table
---@return table[]? causes
function M.change(kind, live, object)
  local causes = M.new_object(kind, object) or setmetatable({}, Causes)
  local check = IMMUTABLE[kind.resource]
  if check and not kind.custom then check(causes, live, object) end
  return #causes > 0 and causes or nil
end

return M
