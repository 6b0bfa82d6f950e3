--- The tenant's objects in the cluster, for an audit: those that carry its label and that o2x or helm made, and by
--- whomever they were made, those of kinds that take part in its traffic or its data. Autoscalers and cron jobs are
--- what people add to a tenant, and not o2x's to judge.

local shell = require "o2x.base.shell"
local support = require "o2x.effects.k8s.support"

local M = {}

local MANAGED_BY <const>, RELEASE <const> = "app.kubernetes.io/managed-by", "meta.helm.sh/release-name"

local POLICY <const> = "NetworkPolicy.networking.k8s.io"

-- Kinds that only the runbook makes for a tenant, and one that nobody should: it stops traffic.
local ONLY_OURS <const> = {
  ["Deployment.apps"] = true,
  ["StatefulSet.apps"] = true,
  Service = true,
  ["Ingress.networking.k8s.io"] = true,
  ConfigMap = true,
  PersistentVolumeClaim = true,
  ["PodDisruptionBudget.policy"] = true,
  ["ServiceMonitor.monitoring.coreos.com"] = true,
  ["PrometheusRule.monitoring.coreos.com"] = true,
  [POLICY] = true,
}

-- Not these: Secrets cannot be listed, and helm's and the shared ones are among them.
local UNLISTED <const> = { Secret = true }

-- "Deployment.apps" -> what the client takes
local function kinds_of(ctx)
  local contents, kinds, seen = ctx.scope.k8s and ctx.scope.k8s.contents, {}, {}
  for _, kind in ipairs(contents and contents.kinds or {}) do
    kinds[#kinds + 1], seen[kind] = kind, true
  end
  if kinds[1] and not seen[POLICY] then kinds[#kinds + 1] = POLICY end
  return kinds
end

--- Is a kind one that only the runbook makes for a tenant?
---@param kind string "Deployment.apps"
---@return boolean
function M.is_only_ours(kind) return ONLY_OURS[kind] or false end

--- The command that removes an object that is left over.
---@param target table
---@param release string? of helm
---@return string
function M.removal(target, release)
  if release then return shell.command { "helm", "uninstall", release, "--namespace=" .. target.namespace } end
  return shell.command { "kubectl", "delete", target.kind, target.name, "--namespace=" .. target.namespace }
end

-- An object of a release that the tenant has is the release's; what another object owns goes with it.
local function listed(ctx, kind, resource, item, releases)
  local meta = item.metadata
  local release = (meta.annotations or {})[RELEASE]
  local ours = ONLY_OURS[kind] or release or (meta.labels or {})[MANAGED_BY] == "o2x"
  if not ours or releases[release] or next(meta.ownerReferences or {}) then return nil end
  local target = support.target(ctx, resource, meta.name, meta.namespace)
  return {
    target = target,
    title = support.title(target) .. (release and (" of release %s"):format(release) or ""),
    remove = M.removal(target, release),
  }
end

local function add(found, ctx, k8s, kind, namespace, releases)
  local ok, resource = pcall(k8s.resource, k8s, kind)
  if not ok or not resource.namespaced then return end -- the cluster does not have the kind
  for _, item in ipairs(support.labelled(ctx, kind, namespace)) do
    found[#found + 1] = listed(ctx, kind, resource, item, releases)
  end
end

--- Lists them.
---@param ctx o2x.context
---@param k8s table client
---@return o2x.listed[]
function M.list(ctx, k8s)
  local found, releases = {}, {}
  for _, name in ipairs(ctx.scope.helm or {}) do
    releases[name] = true
  end
  for _, kind in ipairs(kinds_of(ctx)) do
    for _, namespace in ipairs(UNLISTED[kind] and {} or ctx.scope.k8s.namespaces or { k8s.namespace }) do
      add(found, ctx, k8s, kind, namespace, releases)
    end
  end
  return found
end

-- Kinds of which each tenant has some; what they own goes with them.
local EACH_HAS <const> = {
  "Deployment.apps",
  "StatefulSet.apps",
  "CronJob.batch",
  "Service",
  "Ingress.networking.k8s.io",
  "ConfigMap",
  "PersistentVolumeClaim",
  "ServiceMonitor.monitoring.coreos.com",
  "PrometheusRule.monitoring.coreos.com",
}

local function named(ctx, resource, item, label)
  local meta = item.metadata
  if next(meta.ownerReferences or {}) then return nil end
  local target = support.target(ctx, resource, meta.name, meta.namespace)
  local release = (meta.annotations or {})[RELEASE]
  return {
    name = meta.labels[label],
    title = support.title(target) .. (release and (" of release %s"):format(release) or ""),
    remove = M.removal(target, release),
  }
end

--- The objects that carry a tenant's label, whichever tenant it is: the label has its name.
---@param ctx o2x.context
---@param k8s table client
---@return o2x.named[]
function M.names(ctx, k8s)
  local found, places = {}, ctx.scope.places
  for _, kind in ipairs(EACH_HAS) do
    local ok, resource = pcall(k8s.resource, k8s, kind)
    local function keep(item) return named(ctx, resource, item, places.label) end
    for _, namespace in ipairs(ok and places.namespaces or {}) do
      local names = k8s:list(kind, { namespace = namespace, selector = places.label, keep = keep })
      table.move(names, 1, #names, #found + 1, found)
    end
  end
  return found
end

return M
