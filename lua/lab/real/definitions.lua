--- Custom resources that the platform uses, of cert-manager and of the Prometheus operator: their names and no more,
--- so any content is taken. The API server keeps them; nobody acts on them but lab.real.surroundings.

local kinds = require "lab.k8s.kinds"

local M = {}

local GROUPS <const> = { ["cert-manager.io"] = true, ["metrics.k8s.io"] = true, ["monitoring.coreos.com"] = true }

local SCHEMA <const> = { type = "object", ["x-kubernetes-preserve-unknown-fields"] = true }

local function definition(kind)
  return {
    apiVersion = "apiextensions.k8s.io/v1",
    kind = "CustomResourceDefinition",
    -- A group of Kubernetes' own needs the word for it: there is no metrics server, so there are no metrics.
    metadata = {
      name = kind.qualified,
      annotations = { ["api-approved.kubernetes.io"] = kind.group:find "k8s%.io$" and "unapproved, a lab's" or nil },
    },
    spec = {
      group = kind.group,
      scope = kind.namespaced and "Namespaced" or "Cluster",
      names = {
        plural = kind.resource,
        singular = kind.singular,
        kind = kind.kind,
        listKind = kind.kind .. "List",
        shortNames = kind.short,
        categories = kind.categories,
      },
      versions = {
        {
          name = kind.version,
          served = true,
          storage = true,
          schema = { openAPIV3Schema = SCHEMA },
          subresources = kind.status and { status = {} } or nil,
        },
      },
    },
  }
end

--- The definitions, as objects to apply.
---@return table[]
function M.objects()
  local list = {}
  for _, kind in ipairs(kinds.list) do
    if GROUPS[kind.group] then list[#list + 1] = definition(kind) end
  end
  return list
end

return M
