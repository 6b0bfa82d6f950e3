--- What people made for a tenant in the cluster, or added to what o2x made, for an audit: objects that are tied to the
--- tenant's and do not carry its label, autoscalers of nothing or of the same workload, cron jobs that were copied from
--- another tenant, and fields. Whether autoscalers and cron jobs should be there at all, no file says.

local added = require "o2x.effects.k8s.added"
local left = require "o2x.effects.k8s.left"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.k8s.support"
local ties = require "o2x.effects.k8s.ties"

local M = {}

local MANAGED_BY <const>, RELEASE <const> = "app.kubernetes.io/managed-by", "meta.helm.sh/release-name"
local SCALER <const>, CRON <const> = "HorizontalPodAutoscaler.autoscaling", "CronJob.batch"
local UNTIDY <const>, DATA <const> = 3, 2

-- Of these, an object without a label may act on a tenant's, or be what its pods need.
local KINDS <const> = {
  "Deployment.apps",
  "StatefulSet.apps",
  CRON,
  SCALER,
  "PodDisruptionBudget.policy",
  "NetworkPolicy.networking.k8s.io",
  "Service",
  "Ingress.networking.k8s.io",
  "ConfigMap",
  "PersistentVolumeClaim",
  "ServiceMonitor.monitoring.coreos.com",
}

local function is_made(item)
  local meta = item.metadata
  return (meta.annotations or {})[RELEASE] or (meta.labels or {})[MANAGED_BY] == "o2x"
end

-- ---- without the tenant's label ----

local function record_of(ctx, kind, resource, item)
  local meta = item.metadata
  if next(meta.ownerReferences or {}) then return nil end
  local target = support.target(ctx, resource, meta.name, meta.namespace)
  return { kind = kind, target = target, release = (meta.annotations or {})[RELEASE] }
end

local function note(index, tie, record)
  index[tie] = index[tie] or {}
  table.insert(index[tie], record)
end

-- The objects that carry no label of any tenant, by what they are tied to. Of the platform's own, little is kept.
local function unlabelled(ctx)
  local k8s, places, index = support.client(ctx), ctx.scope.places, {}
  for _, kind in ipairs(KINDS) do
    local ok, resource = pcall(k8s.resource, k8s, kind)
    for _, namespace in ipairs(ok and places.namespaces or {}) do
      for _, item in ipairs((k8s:list(kind, { namespace = namespace, selector = "!" .. places.label }))) do
        local record = record_of(ctx, kind, resource, item)
        for tie in pairs(record and ties.of(item) or {}) do
          note(index, tie, record)
        end
        if record then note(index, item.kind .. "/" .. item.metadata.name, record) end
      end
    end
  end
  return index
end

-- Everything that ties an object to the tenant, in a fixed order.
local function own_ties(ctx, needs)
  local granted, list = ctx.scope.k8s, {}
  list[1] = granted.label and table.concat(granted.label, "=") or nil
  table.move(granted.names or {}, 1, #(granted.names or {}), #list + 1, list)
  table.move(needs, 1, #needs, #list + 1, list)
  return list
end

local function label_command(target, label)
  return shell.command {
    "kubectl",
    "label",
    target.kind,
    target.name,
    table.concat(label, "="),
    target.namespace and "--namespace=" .. target.namespace or nil,
  }
end

-- What only the runbook makes goes; what people may have made on purpose, or pods need, gets the label.
local function stranger(ctx, record, is_needed)
  local target, label = record.target, ctx.scope.k8s.label
  local goes = left.is_only_ours(record.kind) and not is_needed
  return {
    rank = UNTIDY,
    way = goes and "left over" or "different",
    key = support.key(target),
    title = support.title(target),
    lines = { ("~ label %s: none → %s"):format(label[1], label[2]) },
    mend = goes and left.removal(target, record.release) or label_command(target, label),
  }
end

-- Both must be so: its name begins with the tenant's, and it is tied to what the tenant has.
local function add_strangers(found, ctx, index, needs, around)
  local prefix, releases, seen = ctx.tenant.name .. "-", {}, {}
  for _, name in ipairs(ctx.scope.helm or {}) do
    releases[name] = true
  end
  local needed = {}
  for _, need in ipairs(needs) do
    needed[need] = true
  end
  for _, tie in ipairs(own_ties(ctx, needs)) do
    for _, record in ipairs(index[tie] or {}) do
      local target = record.target
      local key = support.key(target)
      local is_own = target.name:sub(1, #prefix) == prefix and not releases[record.release]
      if is_own and not seen[key] and not around.wanted(key) then
        found[#found + 1] = stranger(ctx, record, needed[target.kind .. "/" .. target.name])
        seen[key] = true
      end
    end
  end
end

-- ---- autoscalers and cron jobs ----

local function finding(item, kind, ctx, k8s, about)
  local target = support.target(ctx, k8s:resource(kind), item.metadata.name, item.metadata.namespace)
  about.key, about.title = support.key(target), support.title(target)
  if about.mend == true then about.mend = left.removal(target) end
  return about
end

local function target_name(scaler) return ((scaler.spec or {}).scaleTargetRef or {}).name end

local function has(list, wanted)
  for _, item in ipairs(list or {}) do
    if item == wanted then return true end
  end
  return false
end

local function add_scalers(found, ctx, k8s, scalers)
  local by_target = {}
  for _, scaler in ipairs(scalers) do
    local name = target_name(scaler) or ""
    local other = by_target[name]
    if not has(ctx.scope.k8s.names, name) and not is_made(scaler) then
      found[#found + 1] = finding(scaler, SCALER, ctx, k8s, {
        rank = UNTIDY,
        way = "left over",
        lines = { ("- scales %s, which is not the tenant's"):format(name) },
        mend = true,
      })
    elseif other then
      local spare = is_made(scaler) and other or scaler
      local kept = spare == scaler and other or scaler
      found[#found + 1] = finding(spare, SCALER, ctx, k8s, {
        way = "left over",
        lines = { ("- scales %s, as %s does: each undoes the other"):format(name, kept.metadata.name) },
        mend = true,
      })
    else
      by_target[name] = scaler
    end
  end
end

-- The first text of a cron job that the platform knows as another tenant's.
local function foreign_text(ctx, job)
  local contents, found = ctx.scope.k8s.contents or {}, nil
  ties.each_text(job.spec or {}, function(text)
    for pattern, own in pairs(contents.patterns or {}) do
      for name in text:gmatch(pattern) do
        if name ~= own and (not found or name < found) then found = name end
      end
    end
  end)
  return found
end

local function add_jobs(found, ctx, k8s, jobs)
  for _, job in ipairs(jobs) do
    local name = not is_made(job) and foreign_text(ctx, job)
    if name then
      local target = support.target(ctx, k8s:resource(CRON), job.metadata.name, job.metadata.namespace)
      local words = { "kubectl", "edit", target.kind, target.name, "--namespace=" .. target.namespace }
      found[#found + 1] = finding(job, CRON, ctx, k8s, {
        rank = DATA,
        way = "different",
        lines = { ("~ names %s, which is another tenant's"):format(name) },
        hint = ("correct it (%s), or remove it: %s"):format(shell.command(words), left.removal(target)),
      })
    end
  end
end

-- What nobody can judge, in one line.
local function not_judged(ctx, k8s, kinds)
  local names = {}
  for kind, items in pairs(kinds) do
    for _, item in ipairs(items) do
      local target = support.target(ctx, k8s:resource(kind), item.metadata.name, item.metadata.namespace)
      if not is_made(item) then names[support.title(target)] = true end
    end
  end
  local list = sorted_keys(names)
  if list[1] then return "whether these should be there, which people made: " .. table.concat(list, ", ") end
end

-- ---- the whole ----

local function own(ctx, k8s, kind)
  return pcall(k8s.resource, k8s, kind) and support.labelled(ctx, kind, k8s.namespace) or {}
end

local function needs_of(...)
  local found = {}
  for _, items in ipairs { ... } do
    for _, item in ipairs(items) do
      ties.add_needs(found, item)
    end
  end
  return sorted_keys(found)
end

--- What people made.
---@param ctx o2x.context
---@param around o2x.around
---@return o2x.reviewed[]
---@return string? unseen
function M.review(ctx, around)
  local k8s, found = support.client(ctx), {}
  local granted = ctx.scope.k8s
  if not (granted and granted.label) then return found end
  local scalers, jobs = own(ctx, k8s, SCALER), own(ctx, k8s, CRON)
  local needs = needs_of(own(ctx, k8s, "Deployment.apps"), own(ctx, k8s, "StatefulSet.apps"), jobs)
  add_strangers(found, ctx, around.everywhere("objects without a label", unlabelled) or {}, needs, around)
  add_scalers(found, ctx, k8s, scalers)
  add_jobs(found, ctx, k8s, jobs)
  added.find(found, ctx, k8s, around)
  return found, not_judged(ctx, k8s, { [SCALER] = scalers, [CRON] = jobs })
end

return M
