--- The API server's validation: the list of an object's problems, with the messages of the real server.
local json = require "o2x.base.json"
local names = require "lab.k8s.names"
local pods = require "lab.k8s.validate_pods"
local quantity = require "o2x.client.k8s.quantity"
local selector = require "lab.k8s.selector"
local value = require "lab.k8s.value"

local M = {}

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

--- Adds that a value is none of those that there are.
---@param field string path
---@param v any value
---@param allowed string[]
function Causes:unsupported(field, v, allowed)
  local quoted = {}
  for _, a in ipairs(allowed) do
    if a == v then return end
    table.insert(quoted, ("%q"):format(a))
  end
  local text = ("Unsupported value: %q: supported values: %s"):format(tostring(v), table.concat(quoted, ", "))
  self:add("FieldValueNotSupported", field, text)
end

local NAMES = { namespaces = { names.is_label, names.LABEL }, services = { names.is_label, names.DNS1035 } }

local function metadata(causes, kind, meta)
  local rule = NAMES[kind.resource] or { names.is_subdomain, names.SUBDOMAIN }
  if kind.group == "rbac.authorization.k8s.io" then rule = { function() return true end } end
  if not meta.name then
    causes:required("metadata.name", "name or generateName is required")
  elseif not rule[1](meta.name) or kind.resource == "services" and not meta.name:match("^%l") then
    causes:invalid("metadata.name", meta.name, rule[2])
  end
  for _, key in ipairs(value.keys(meta.labels)) do
    local v = meta.labels[key]
    if not names.is_label_key(key) then causes:invalid("metadata.labels", key, names.LABEL_KEY) end
    if #v > 63 then
      causes:invalid("metadata.labels", v, "must be no more than 63 bytes")
    elseif v ~= "" and not v:match("^%w[%w%-_.]*$") or v:match("[^%w]$") then
      causes:invalid("metadata.labels", v, names.LABEL_VALUE)
    end
  end
end

local function workload(causes, object)
  local spec = object.spec
  if (spec.replicas or 0) < 0 then
    causes:invalid("spec.replicas", spec.replicas, "must be greater than or equal to 0")
  end
  if not spec.selector then causes:required("spec.selector") end
  if not spec.selector or not selector.matches(selector.from_object(spec.selector), spec.template.metadata.labels) then
    causes:invalid(
      "spec.template.metadata.labels",
      spec.template.metadata.labels or {},
      "`selector` does not match template `labels`"
    )
  end
  pods.validate(causes, spec.template.spec, "spec.template.spec", spec.volumeClaimTemplates)
  local restart = spec.template.spec.restartPolicy
  if restart then causes:unsupported("spec.template.spec.restartPolicy", restart, { "Always" }) end
end

local function job(causes, spec, at)
  local restart = spec.template.spec.restartPolicy
  if restart ~= "OnFailure" and restart ~= "Never" then
    causes:required(at .. ".template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
  end
  pods.validate(causes, spec.template.spec, at .. ".template.spec")
end

local function schedule(causes, text)
  if not text then return causes:required "spec.schedule" end
  local fields = {}
  for field in text:gmatch "%S+" do
    fields[#fields + 1] = field
  end
  if #fields ~= 5 and not text:find "^@" then
    local why = "expected exactly 5 fields, found %d: [%s]"
    causes:invalid("spec.schedule", text, why:format(#fields, table.concat(fields, " ")))
  end
end

local function strategy(causes, given)
  causes:unsupported("spec.strategy.type", given.type, { "Recreate", "RollingUpdate" })
  if given.type == "Recreate" and given.rollingUpdate then
    local why = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
    causes:add("FieldValueForbidden", "spec.strategy.rollingUpdate", why)
  end
end

local function service(causes, object)
  local spec = object.spec
  causes:unsupported("spec.type", spec.type, { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort" })
  if spec.type ~= "ExternalName" and spec.clusterIP ~= "None" and #(spec.ports or {}) == 0 then
    causes:required("spec.ports")
  end
  for i, port in ipairs(spec.ports or {}) do
    local at = ("spec.ports[%d]"):format(i - 1)
    if #spec.ports > 1 and not port.name then causes:required(at .. ".name") end
    for _, name in ipairs { "port", "targetPort" } do
      local number = port[name] or 0
      if type(number) == "number" and not pods.is_port(number) then
        causes:invalid(at .. "." .. name, number, pods.PORT)
      end
    end
    causes:unsupported(at .. ".protocol", port.protocol, { "SCTP", "TCP", "UDP" })
  end
end

local function ingress(causes, object)
  local spec = object.spec or {}
  if #(spec.rules or {}) == 0 and not spec.defaultBackend then
    causes:invalid("spec", {}, "either `defaultBackend` or `rules` must be specified")
  end
  for i, rule in ipairs(spec.rules or {}) do
    local host = rule.host or ""
    if host ~= "" and not names.is_subdomain((host:gsub("^%*%.", ""))) then
      causes:invalid(("spec.rules[%d].host"):format(i - 1), host, names.SUBDOMAIN)
    end
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
    if not key:match("^[-._%w]+$") then causes:invalid("data[" .. key .. "]", key, names.CONFIG_KEY) end
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
  end
  if spec.minReplicas and spec.minReplicas > (spec.maxReplicas or 0) then
    causes:invalid("spec.maxReplicas", spec.maxReplicas or 0, "must be greater than or equal to `minReplicas`")
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
  pods = function(causes, object) pods.validate(causes, object.spec, "spec") end,
  jobs = function(causes, object) job(causes, object.spec, "spec") end,
  cronjobs = function(causes, object)
    schedule(causes, object.spec.schedule)
    job(causes, object.spec.jobTemplate.spec, "spec.jobTemplate.spec")
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

-- What is being deleted gets no new finalizer.
local function finalizers(causes, live, object)
  if not live.metadata.deletionTimestamp then return end
  local had, new = {}, {}
  for _, name in ipairs(live.metadata.finalizers or {}) do
    had[name] = true
  end
  for _, name in ipairs(object.metadata.finalizers or {}) do
    if not had[name] then new[#new + 1] = ("%q"):format(name) end
  end
  local why =
    "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{%s}"
  for _ = 1, #new > 0 and 2 or 0 do -- the API server says it twice
    causes:add("FieldValueForbidden", "metadata.finalizers", why:format(table.concat(new, ", ")))
  end
end

--- Validates a change of an object.
---@param kind lab.k8s.Kind
---@param live table
---@param object table
---@return table[]? causes
function M.change(kind, live, object)
  local causes = M.new_object(kind, object) or setmetatable({}, Causes)
  local check = IMMUTABLE[kind.resource]
  if check and not kind.custom then check(causes, live, object) end
  finalizers(causes, live, object)
  return #causes > 0 and causes or nil
end

return M
