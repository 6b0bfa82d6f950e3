--- What is known of the fields of the server's own kinds: where two forms mean the same, where the server fills
--- something in.

local json = require "o2x.base.json"

local M = {}

local function set(...)
  local names = {}
  for _, name in ipairs { ... } do
    names[name] = true
  end
  return names
end

--- Below these keys, values are quantities; elsewhere "1000m" and "1" are different texts.
M.QUANTITIES =
  set("requests", "limits", "capacity", "hard", "default", "defaultRequest", "sizeLimit", "averageValue", "divisor")

--- Lists that the server merges by a key; every other list is one value.
M.MERGE_KEYS = {
  containers = { "name" },
  initContainers = { "name" },
  env = { "name" },
  volumes = { "name" },
  imagePullSecrets = { "name" },
  volumeMounts = { "mountPath" },
  volumeDevices = { "devicePath" },
  hostAliases = { "ip" },
  conditions = { "type" },
  ports = { "containerPort", "port", "protocol" },
  topologySpreadConstraints = { "topologyKey", "whenUnsatisfiable" },
  ownerReferences = { "uid" },
}

--- Maps of texts, in which an empty text is a value and not an unset field.
M.TEXTS = set("annotations", "labels", "matchLabels", "nodeSelector", "selector", "data", "binaryData")

--- Maps to which nobody but the manifest adds a key: each one selects, limits or configures.
M.CLOSED = set("matchLabels", "nodeSelector", "selector", "data", "binaryData", "limits", "requests")

--- Fields of a workload that are there only if somebody sets them: no server and no controller does. By what has them.
M.SET_ONLY = {
  Deployment = set "paused",
  pod = set(
    "affinity",
    "dnsConfig",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "initContainers",
    "nodeName",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "tolerations",
    "topologySpreadConstraints",
    "volumes"
  ),
  container = set(
    "args",
    "command",
    "env",
    "envFrom",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "securityContext",
    "startupProbe",
    "volumeDevices",
    "volumeMounts",
    "workingDir"
  ),
}

--- Lists whose items have exactly one of several fields: a volume's source, the source of an environment variable.
M.CLOSED_ITEMS = set("env", "volumes")

--- Of these fields, an object has one.
M.ALTERNATIVES = {
  { "exec", "grpc", "httpGet", "tcpSocket" },
  { "configMapRef", "secretRef" },
  { "resource", "service" },
}

--- Lists to which controllers add items, by kind.
M.OPEN_LISTS = { ServiceAccount = set("imagePullSecrets", "secrets") }

--- Numbers that the server assigns where a manifest has 0.
M.ASSIGNED = set("nodePort", "healthCheckNodePort")

--- Fields for which absent means something else than 0 or false.
M.ABSENT_IS_NOT_ZERO = set(
  "allowPrivilegeEscalation",
  "automountServiceAccountToken",
  "fsGroup",
  "maxUnavailable",
  "minAvailable",
  "runAsGroup",
  "runAsUser",
  "tolerationSeconds",
  "ttlSecondsAfterFinished"
)

local DEFAULTS <const> = { protocol = "TCP" } -- of merge keys

--- Whether an object is of one of the server's own kinds, not of a custom resource.
---@param object table with apiVersion
---@return boolean
function M.is_builtin(object)
  local group = tostring(object.apiVersion):match("^(.*)/") or ""
  return not group:find(".", 1, true) or group:match("%.k8s%.io$") ~= nil
end

-- An item's value of a merge key, as the server has it.
local function value_of(item, key)
  local value = item[key]
  if value == nil or value == "" or value == json.null then return DEFAULTS[key] end
  return value
end

--- The element of a list that has the same merge keys as `wanted`.
---@param list table[]
---@param wanted table
---@param keys string[] of MERGE_KEYS
---@return table?
function M.counterpart(list, wanted, keys)
  for _, element in ipairs(list) do
    local agree = false
    for _, key in ipairs(keys) do
      local theirs, ours = value_of(element, key), value_of(wanted, key)
      if theirs ~= nil and ours ~= nil then
        agree = theirs == ours
        if not agree then break end
      end
    end
    if agree then return element end
  end
end

--- Finds counterparts of many items: a list of environment variables is long.
---@param list table[]
---@param keys string[] of MERGE_KEYS
---@return fun(wanted: table): table? counterpart
function M.counterparts(list, keys)
  local key, first = keys[1], {}
  if #keys > 1 then
    return function(wanted) return M.counterpart(list, wanted, keys) end
  end
  for _, element in ipairs(list) do
    local value = value_of(element, key)
    if value ~= nil and not first[value] then first[value] = element end
  end
  return function(wanted)
    local value = value_of(wanted, key)
    return value ~= nil and first[value] or nil
  end
end

return M
