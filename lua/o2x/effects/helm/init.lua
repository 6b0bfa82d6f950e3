--- Releases of the helm program. A release is compared by what its chart and values render to, so an unchanged one is
--- not deployed again. helm does not wait for workloads: o2x watches them over the API, where it can show and explain
--- their state.

local commands = require "o2x.effects.helm.commands"
local content = require "o2x.effects.helm.content"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local helm_rollback = require "o2x.effects.helm.rollback"
local ready = require "o2x.client.k8s.ready"
local release = require "o2x.effects.helm.release"
local render = require "o2x.effects.helm.render"
local task = require "o2x.base.task"

local READY_SECONDS <const> = 300
local WORKLOADS <const> = { Deployment = true, StatefulSet = true, DaemonSet = true, Job = true }

local function client(ctx) return ctx:client "helm" end

local function wait_ready(ctx, objects, namespace, seconds)
  local k8s, start = ctx:client "k8s", task.now()
  seconds = seconds or READY_SECONDS
  for _, object in ipairs(objects) do
    if WORKLOADS[object.kind] then
      ready.wait(k8s, object.kind, object.metadata.name, {
        namespace = object.metadata.namespace or namespace,
        progress = ctx.progress,
        seconds = math.max(seconds - (task.now() - start), 1),
      })
    end
  end
end

local function ensure_release(ctx, name, o)
  local namespace = o.namespace or ctx:client("k8s").namespace
  local source = {}
  local _end <close> = defer(function() client(ctx):let_go(source) end)
  local desired = render.release(ctx, name, namespace, o, source)
  local after, outcome = ctx:effect("helm.release", { name = name, namespace = namespace, source = source }, desired)
  if outcome ~= "unchanged" and o.wait ~= false then
    ctx:wait_by_hand(("release %s is ready"):format(name), function()
      local objects = content.objects(desired.manifest)
      return commands.ready(name, objects, namespace, o.timeout or READY_SECONDS)
    end)
  end
  -- What the tenant's file keeps missing comes back as it is wanted (apply.unchanged), and never gets ready.
  local is_missing = outcome == "unchanged" and rawequal(after, desired)
  if ctx.mode ~= "plan" and o.wait ~= false and not is_missing then
    wait_ready(ctx, source.objects, namespace, o.timeout)
  end
  return after, outcome
end

-- What is wrong is told in the release's own turn, where it ends nothing else.
local function prepare_release(ctx, name, o)
  local ok, problem = pcall(render.ahead, ctx, name, o.namespace or ctx:client("k8s").namespace, o)
  local is_told = ok or errors.is(problem) and problem.kind ~= "cancelled" and problem.kind ~= "bug"
  if not is_told then error(problem, 0) end
end

local function summary(name, namespace, record)
  return {
    name = name,
    namespace = namespace,
    chart = record.chart,
    app_version = record.app_version,
    revision = record.revision,
    status = record.status,
    updated = record.updated,
  }
end

-- In a plan, the list includes the releases that the plan would create. A helm that will not do is noticed here, before
-- anything is written.
local function list(ctx, namespace)
  local helm = client(ctx)
  helm:check_namespace(namespace)
  helm:version()
  local found, seen = {}, {}
  for _, one in ipairs(ctx:ask("k8s", helm.list, helm, namespace)) do
    if one.status ~= "uninstalled" then -- of such a one, only the history is left
      found[#found + 1], seen[one.name] = summary(one.name, namespace, one), true
    end
  end
  for _, name in ipairs(ctx.mode == "plan" and helm.scope or {}) do
    local planned = not seen[name]
      and ctx:read("helm.release", { name = name, namespace = namespace, record_only = true })
    if planned then
      local new = summary(name, namespace, planned)
      new.revision, new.status = planned.revision or 1, "deployed"
      found[#found + 1] = new
    end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

-- What scripts see of a release's revisions.
local function history(ctx, name, namespace)
  local helm, entries = client(ctx), nil
  for i, one in ipairs(ctx:ask("k8s", helm.history, helm, name, namespace) or {}) do
    entries = entries or {}
    entries[i] = {
      revision = one.revision,
      status = one.status,
      chart = one.chart,
      app_version = one.app_version,
      description = one.description,
      updated = one.updated,
    }
  end
  return entries
end

local function api(ctx)
  local function default(namespace) return namespace or ctx:client("k8s").namespace end
  local known = helm_rollback.api(ctx, function(...) wait_ready(ctx, ...) end)
  local own = {
    --- Ensures a release, and waits until its workloads are ready.
    ---@param name string
    ---@param o { chart: string, repo: string?, version: string?, digest: string?, values: any, namespace: string?,
    ---  timeout: number?, wait: boolean? } chart: a folder of the platform tree, or oci://HOST/PATH, or the name of a
    ---  chart of repo; version and digest: for a chart that is no folder, exactly one version, and "sha256:…" of its
    ---  archive; values: a file of the tree, a table without secrets, or a list of these; timeout: seconds until the
    ---  workloads are ready
    ---@return table release revision, chart, app_version, status
    ---@return string outcome
    ensure_release = function(name, o) return ensure_release(ctx, name, o) end,

    --- Renders a release ahead, while others are still written; ensure_release of the same release goes on from there.
    --- Changes nothing, and raises nothing that ensure_release would.
    ---@param name string
    ---@param o table as for ensure_release
    prepare_release = function(name, o) prepare_release(ctx, name, o) end,

    --- Ensures that a release does not exist.
    ---@param name string
    ---@param namespace string? the tenant's own by default
    remove_release = function(name, namespace)
      ctx:effect("helm.release", { name = name, namespace = default(namespace) }, nil)
    end,

    --- The tenant's releases.
    ---@param namespace string? the tenant's own by default
    ---@return table[] releases name, namespace, revision, status, chart, app_version, updated (ISO 8601)
    list = function(namespace) return list(ctx, default(namespace)) end,

    --- The revisions of a release, oldest first.
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return table[]? revisions revision, status, chart, app_version, description, updated; nil if there is no release
    history = function(name, namespace) return history(ctx, name, default(namespace)) end,

    --- Where the cluster differs from a release: objects that are missing, fields that were edited. The values are not
    --- told.
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return string[] places "Service newclient-service-sso: missing in the cluster"; empty if nothing differs
    drift = function(name, namespace)
      local found = ctx:read("helm.release", { name = name, namespace = default(namespace) })
      return found and found.drift or {}
    end,

    --- The current state of a release.
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return table? release revision, status, chart, app_version; nil if there is none
    status = function(name, namespace)
      local target = { name = name, namespace = default(namespace), record_only = true }
      return ctx:read("helm.release", target)
    end,
  }
  for name, fn in pairs(own) do
    known[name] = fn
  end
  return known
end

return { name = "helm", declares = "helm:write", types = { release }, api = api }
