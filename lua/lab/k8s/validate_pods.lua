--- The API server's validation of what a pod is made of.
local names = require "lab.k8s.names"
local quantity = require "o2x.client.k8s.quantity"
local value = require "lab.k8s.value"

local M = {}

M.PORT = "must be between 1 and 65535, inclusive"

--- Is it the number of a port?
---@param number integer
---@return boolean
function M.is_port(number) return number >= 1 and number <= 65535 end

local function resources(causes, given, at)
  for _, name in ipairs(value.keys(given.requests)) do
    local limit = (given.limits or {})[name]
    if limit and quantity.value(given.requests[name]) > quantity.value(limit) then
      local why = ("must be less than or equal to %s limit of %s"):format(name, limit)
      causes:invalid(at .. ".requests", given.requests[name], why)
    end
  end
end

local function lists(causes, c, at, volumes)
  for j, port in ipairs(c.ports or {}) do
    local field = ("%s.ports[%d].containerPort"):format(at, j - 1)
    if not port.containerPort then
      causes:required(field)
    elseif not M.is_port(port.containerPort) then
      causes:invalid(field, port.containerPort, M.PORT)
    end
  end
  for j, env in ipairs(c.env or {}) do
    if not env.name then causes:required(("%s.env[%d].name"):format(at, j - 1)) end
  end
  for j, mount in ipairs(c.volumeMounts or {}) do
    if mount.name and not volumes[mount.name] then
      causes:add(
        "FieldValueNotFound",
        ("%s.volumeMounts[%d].name"):format(at, j - 1),
        ("Not found: %q"):format(mount.name)
      )
    end
  end
end

--- Validates the specification of a pod.
---@param causes table collects what is wrong
---@param spec table
---@param path string where it stands
---@param claims table[]? further volumes, of a StatefulSet
function M.validate(causes, spec, path, claims)
  if not spec.containers or #spec.containers == 0 then causes:required(path .. ".containers") end
  local seen, volumes = {}, {}
  for _, volume in ipairs(spec.volumes or {}) do
    volumes[volume.name or ""] = true
  end
  for _, claim in ipairs(claims or {}) do
    volumes[claim.metadata.name or ""] = true
  end
  for i, c in ipairs(spec.containers or {}) do
    local at = ("%s.containers[%d]"):format(path, i - 1)
    if not c.name then causes:required(at .. ".name") end
    if not c.image then causes:required(at .. ".image") end
    if c.name and seen[c.name] then
      causes:add("FieldValueDuplicate", at .. ".name", ("Duplicate value: %q"):format(c.name))
    end
    if c.name and not names.is_label(c.name) then causes:invalid(at .. ".name", c.name, names.LABEL) end
    seen[c.name or ""] = true
    lists(causes, c, at, volumes)
    resources(causes, c.resources or {}, at .. ".resources")
    causes:unsupported(at .. ".imagePullPolicy", c.imagePullPolicy, { "Always", "IfNotPresent", "Never" })
  end
end

return M
