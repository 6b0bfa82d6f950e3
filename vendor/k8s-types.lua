-- Writes lua/lab/k8s/types_*.lua from the types.go files of the Go modules k8s.io/api and k8s.io/apimachinery.
-- Usage: lua5.4 vendor/k8s-types.lua API_MODULE_DIR APIMACHINERY_MODULE_DIR OUTPUT_DIR
-- A line a type: `Name[!] json=number:type[…]`; the notation is explained in lua/lab/k8s/types.lua.
local api, machinery, out = ...

-- package → files, roots wanted from it
local PACKAGES = {
  { alias = "metav1", dir = machinery .. "/pkg/apis/meta/v1", roots = { "DeleteOptions" } },
  {
    alias = "v1",
    dir = api .. "/core/v1",
    roots = {
      "Namespace",
      "Pod",
      "Service",
      "Endpoints",
      "Secret",
      "ConfigMap",
      "PersistentVolumeClaim",
      "PersistentVolume",
      "Event",
      "Node",
      "ServiceAccount",
      "ResourceQuota",
      "LimitRange",
    },
  },
  { alias = "appsv1", dir = api .. "/apps/v1", roots = { "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet" } },
  { alias = "batchv1", dir = api .. "/batch/v1", roots = { "Job", "CronJob" } },
  { alias = "autoscalingv1", dir = api .. "/autoscaling/v1", roots = { "HorizontalPodAutoscaler", "Scale" } },
  { alias = "autoscalingv2", dir = api .. "/autoscaling/v2", roots = { "HorizontalPodAutoscaler" } },
  { alias = "networkingv1", dir = api .. "/networking/v1", roots = { "Ingress", "IngressClass", "NetworkPolicy" } },
  { alias = "policyv1", dir = api .. "/policy/v1", roots = { "PodDisruptionBudget", "Eviction" } },
  { alias = "rbacv1", dir = api .. "/rbac/v1", roots = { "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding" } },
  {
    alias = "admissionv1",
    dir = api .. "/admissionregistration/v1",
    roots = { "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding" },
  },
  { alias = "coordinationv1", dir = api .. "/coordination/v1", roots = { "Lease" } },
  { alias = "storagev1", dir = api .. "/storage/v1", roots = { "StorageClass" } },
  { alias = "discoveryv1", dir = api .. "/discovery/v1", roots = { "EndpointSlice" } },
  {
    alias = "authorizationv1",
    dir = api .. "/authorization/v1",
    roots = { "SelfSubjectAccessReview", "SelfSubjectRulesReview" },
  },
}
-- long retired volume plug-ins and the like: kept as they come
local OPAQUE = {}
for name in
  ([[GCEPersistentDisk AWSElasticBlockStore GitRepo Glusterfs RBD FlexVolume Cinder CephFS Flocker FC
AzureFile AzureDisk VsphereVirtualDisk Quobyte PhotonPersistentDisk Portworx ScaleIO StorageOS ISCSI]]):gmatch("%S+")
do
  for _, suffix in ipairs { "VolumeSource", "PersistentVolumeSource" } do
    OPAQUE["v1." .. name .. suffix] = true
  end
end
OPAQUE["v1.WindowsSecurityContextOptions"] = true

local SCALARS = {
  string = "s",
  bool = "b",
  int32 = "i",
  int64 = "i",
  int = "i",
  uint32 = "i",
  uint8 = "i",
  float64 = "f",
  ["[]byte"] = "y",
  ["metav1.Time"] = "t",
  ["metav1.MicroTime"] = "t",
  ["resource.Quantity"] = "q",
  ["intstr.IntOrString"] = "o",
  ["runtime.RawExtension"] = "j",
  ["metav1.FieldsV1"] = "j",
  ["runtime.Object"] = "j",
  ["metav1.Duration"] = "s",
  ["types.UID"] = "s",
}

local structs, aliases, order = {}, {}, {}

local function qualify(alias, name)
  if name:find(".", 1, true) then return (name:gsub("^corev1%.", "v1.")) end
  if name:match("^%l") then return name end
  return alias .. "." .. name
end

local function read_package(package)
  local file = assert(io.open(package.dir .. "/types.go")):read("a")
  local current, markers = nil, {}
  for line in file:gmatch("[^\n]*") do
    local name = line:match("^type (%w+) struct {")
    if name then
      current = { name = package.alias .. "." .. name, fields = {}, atomic = markers.structType == "atomic" }
      structs[current.name] = current
      markers = {}
    elseif line:match("^type %w+ ") then
      local alias, target = line:match("^type (%w+) ([%w%.%[%]%*]+)")
      if alias then aliases[package.alias .. "." .. alias] = qualify(package.alias, target) end
      markers = {}
    elseif line:match("^}") then
      current, markers = nil, {}
    elseif line:match("^%s*//") then
      local key, value = line:match("^%s*//%s*%+(%w+)=(%S+)")
      if key == "listMapKey" then
        markers.keys = (markers.keys and markers.keys .. "," or "") .. value
      elseif key then
        markers[key] = value
      end
    elseif current then
      local gotype, tag = line:match("^%s+%w+%s+([%w%.%[%]%*]+)%s+`(.-)`")
      if not tag then
        gotype, tag = line:match("^%s+([%w%.%[%]%*]+)%s+`(.-)`")
      end
      if tag then
        local json = tag:match('json:"([^",]*)')
        local number = tag:match('protobuf:"%w+,(%d+)')
        if tag:match('json:",inline"') then
          if number or gotype ~= "metav1.TypeMeta" and gotype ~= "TypeMeta" then
            table.insert(current.fields, { inline = true, number = number, gotype = gotype })
          end
        elseif number and json ~= "-" then
          table.insert(current.fields, {
            json = json,
            number = number,
            gotype = gotype,
            list = markers.listType,
            keys = markers.keys,
            map = markers.mapType,
            patch = tag:match('patchStrategy:"([^"]*)"'),
            merge = tag:match('patchMergeKey:"([^"]*)"'),
            struct = markers.structType,
            always = not tag:find("omitempty", 1, true),
          })
        end
      end
      if not line:match("^%s*$") then markers = {} end
    end
  end
end

local wanted, seen = {}, {}
local want

-- Go type → notation of the element, without the modifiers of the field
local function encode(alias, gotype, opaque_ok)
  if SCALARS[gotype] then return SCALARS[gotype] end
  local element = gotype:match("^%[%](.+)")
  if element then return "[]" .. encode(alias, element) end
  element = gotype:match("^map%[.-%](.+)")
  if element then return "{}" .. encode(alias, element) end
  local pointer = gotype:match("^%*(.+)")
  if pointer then
    local code = encode(alias, pointer)
    return (structs[code] or code:match("^[sib]$")) and "*" .. code or code
  end
  local name = qualify(alias, gotype)
  if SCALARS[name] then return SCALARS[name] end
  if OPAQUE[name] then return "j" end
  if structs[name] then
    want(name)
    return name
  end
  local target = aliases[name]
  if not target and name == "metav1.MapType" then return "{}s" end
  if not target and name:match("^types%.") then return "s" end
  if not target and name:match("^scheduling") then return "j" end
  assert(target, "unknown type " .. name)
  return encode(name:match("^(%w+)%."), target, opaque_ok)
end

local function short(name)
  local alias, base = name:match("^(%w+)%.(%w+)$")
  if alias == "autoscalingv1" then return "V1" .. base end
  if alias == "discoveryv1" and base:match("^Endpoint") and not base:match("Slice") then return "Slice" .. base end
  return base
end

local function modifiers(field, code)
  local text = ""
  if code:find("^%[%]") then
    if field.list == "map" then
      text = text .. "@" .. field.keys
    elseif field.list == "set" then
      text = text .. "@"
    end
  elseif field.map == "atomic" or field.struct == "atomic" then
    text = text .. "!"
  end
  if field.patch and field.patch:find("merge") then text = text .. "%" .. (field.merge or "") end
  if field.patch and field.patch:find("retainKeys") then text = text .. "&" end
  if field.always and code:find("^%[%]") then text = text .. "^" end
  return text
end

local function flatten(name)
  local alias, fields = name:match("^(%w+)%."), {}
  for _, field in ipairs(structs[name].fields) do
    local gotype = field.gotype:gsub("^%*", "")
    if field.inline and not field.number then
      for _, f in ipairs(flatten(qualify(alias, gotype))) do
        table.insert(fields, f)
      end
    elseif field.inline then
      -- an embedded message: its fields stand in the parent's JSON, but in a message of their own on the wire
      table.insert(fields, "+=" .. field.number .. ":" .. encode(alias, gotype):gsub("%w+%.(%w+)", short))
    else
      local code = encode(alias, field.gotype)
      code = code:gsub("(%w+%.%w+)", short)
      table.insert(fields, field.json .. "=" .. field.number .. ":" .. code .. modifiers(field, code))
    end
  end
  return fields
end

function want(name)
  if seen[name] then return end
  seen[name] = true
  table.insert(order, name)
  wanted[name] = flatten(name)
end

for _, package in ipairs(PACKAGES) do
  read_package(package)
end
-- the standard condition and event types that core refers to by alias
for _, package in ipairs(PACKAGES) do
  for _, root in ipairs(package.roots) do
    want(package.alias .. "." .. root)
  end
end

local function wrap(name, fields)
  local head = short(name) .. (structs[name].atomic and "!" or "")
  local lines, line = {}, head
  for _, field in ipairs(fields) do
    if #line + #field + 1 > 118 then
      table.insert(lines, line)
      line = " "
    end
    line = line .. " " .. field
  end
  table.insert(lines, line)
  return table.concat(lines, "\n")
end

local FILES = { core = { v1 = true, metav1 = true } }
local text = { core = {}, groups = {} }
local taken = {}
for _, name in ipairs(order) do
  assert(not taken[short(name)], "two types are called " .. name .. " and " .. tostring(taken[short(name)]))
  taken[short(name)] = name
  local file = FILES.core[name:match("^(%w+)%.")] and "core" or "groups"
  table.insert(text[file], wrap(name, wanted[name]))
end
for file, parts in pairs(text) do
  table.sort(parts)
  local f = assert(io.open(out .. "/types_" .. file .. ".lua", "w"))
  f:write(
    "-- Written by vendor/k8s-types.lua from k8s.io/api; the notation is explained in types.lua.\nreturn [[\n",
    table.concat(parts, "\n"),
    "\n]]\n"
  )
  f:close()
end
