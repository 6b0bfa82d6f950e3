--- Releases of the helm program. A release is compared by what its chart and values render to, so an unchanged one is
--- not deployed again. helm does not wait for workloads: o2x watches them over the API, where it can show and explain
--- their state.

local anew = require "o2x.effects.helm.anew"
local commands = require "o2x.effects.helm.commands"
local content = require "o2x.effects.helm.content"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local helm_client = require "o2x.client.helm"
local helm_rollback = require "o2x.effects.helm.rollback"
local live = require "o2x.effects.helm.live"
local manifest = require "o2x.client.helm.manifest"
local ready = require "o2x.client.k8s.ready"
local render = require "o2x.effects.helm.render"
local stored = require "o2x.effects.helm.stored"
local task = require "o2x.base.task"
local run_memory = require "o2x.base.run_memory"
local value = require "o2x.base.value"
local whole = require "o2x.effects.helm.whole"

local READY_SECONDS <const> = 300
local WORKLOADS <const> = { Deployment = true, StatefulSet = true, DaemonSet = true, Job = true }

local function client(ctx) return ctx:client "helm" end

-- What was noted while releases were read. `lines`: of drifts, for a diff; the effect's value has the places alone,
-- so that nothing of live objects is compared by a resumed run, or kept for undo. `removed`: releases of which only the
-- history is there.
local function noted() return run_memory.of("helm.releases", { "lines", "removed" }) end

-- ---- the effect type ----

local function namespace_of(ctx, target) return target.namespace or ctx:client("k8s").namespace end

local release = {
  kind = "helm.release",
  rights = { -- helm's own records, what every chart has, and what tells whether its pods are ready
    kubernetes = { "get,list,create,update own secrets", "get,create,patch own deployments,services", "list own pods" },
  },
  class = "idempotent",
  guard = "its newest revision, looked at right before; of two helms with one base, one writes; objects are mended "
    .. "only as they were seen",
  key = function(target) return target.name end,
  record = function(target)
    local given = target.given or anew.given(target.source)
    return { name = target.name, namespace = target.namespace, given = given }
  end,
  reference = function(ctx, target, before)
    if before then return { revision = before.revision } end
    return noted().removed[namespace_of(ctx, target) .. "/" .. target.name] and { has_history = true } or nil
  end,
  undo = {
    before = "hashes of values and manifest; the revision by reference",
    how = "rolls back to the earlier revision, also of a removed release; uninstalls a new release, with its history; "
      .. "deploys one without history again if chart and values files are the same",
    cannot = "what hooks did; a revision of which helm has no record any more, if chart or values have changed",
    gone = function(target) return target.purge and "the release and its history" or nil end,
    traces = function(_, back)
      local is_new = back.target.purge or back.target.anew
      return not is_new and "helm keeps the revisions in between, and counts on from them" or nil
    end,
  },
  rehearsal = { objects = whole.release, all = whole.releases },
}

local function add_drift(ctx, found, namespace)
  local objects = content.objects(found.manifest)
  local drifts = objects and live.drift(ctx, objects, namespace) or {}
  if #drifts == 0 then return end
  found.drift = live.places(drifts)
  noted().lines[table.concat(found.drift, "\n")] = live.lines(drifts)
end

-- The newest revision, and where the cluster differs from it. A release that is not deployed is written anew anyway.
function release.read(ctx, target)
  local namespace = namespace_of(ctx, target)
  local record = client(ctx):status(target.name, namespace)
  local is_removed = record and record.status == "uninstalled"
  noted().removed[namespace .. "/" .. target.name] = is_removed or nil
  if not record or is_removed then return nil end
  local found = content.of(record)
  if found.status == "deployed" and not target.record_only then add_drift(ctx, found, namespace) end
  return found
end

-- Between helm's record and the cluster.
local function drift_lines(found)
  if not found or not found.drift then return {} end
  return noted().lines[table.concat(found.drift, "\n")] or found.drift
end

-- Is this what helm's record shall be, whatever became of the objects?
local function same_record(current, desired)
  return current.status == "deployed"
    and current.chart == desired.chart
    and current.values == desired.values
    and current.manifest == desired.manifest
    and current.hooks == desired.hooks
end

function release.equal(current, desired) return same_record(current, desired) and not current.drift end

local function copy_of(content_of_release)
  local copy = {}
  for name, item in pairs(content_of_release) do
    copy[name] = item
  end
  return copy
end

-- Drift is what the run mends, not what undo brings back.
function release.image(current)
  local image = copy_of(current)
  image.drift, image.back_to = nil, nil
  return image
end

-- A helm that died leaves its release pending; repair checks first whether it was started by o2x. A run that died after
-- helm may have left drift to mend.
function release.interim(_, _, past, now)
  if now == nil then return false end
  return now.status ~= "deployed" or now.drift ~= nil and past.desired ~= nil and same_record(now, past.desired)
end

-- What the run left and somebody edited since in the cluster. A run that scaled or set fields itself made the drift.
local function foreign_drift(past)
  if past.kinds["k8s.replicas"] or past.kinds["k8s.fields"] then return nil end
  local now = past.now and past.now.drift
  if not now or past.after and value.equal(past.after.drift, now) then return nil end
  return table.concat(now, "; ")
end

function release.undo.restore(ctx, past)
  local revision = past.reference and past.reference.revision
  local target = { name = past.target.name, namespace = past.target.namespace, given = past.target.given }
  local foreign = foreign_drift(past)
  if past.before == nil then
    target.purge = not (past.reference and past.reference.has_history)
    return { target = target, foreign = foreign }
  end
  local found = revision and helm_rollback.at(ctx, target.name, revision, namespace_of(ctx, target))
  if found and found.manifest == past.before.manifest and found.values == past.before.values then
    return { target = target, desired = helm_rollback.desired_of(found), foreign = foreign }
  end
  local why = past.now and "another one is there" or anew.problem(ctx, past)
  if why then return nil, anew.refusal(revision, why) end
  target.anew = true
  return { target = target, desired = anew.desired_of(past.before) }
end

-- A plan refuses what a run would refuse. Which number helm gives to a new revision is known then; where only objects
-- are mended, there is none.
function release.predict(ctx, target, desired, before)
  local mends = before and desired and same_record(before, desired)
  if before and not mends then stored.check(ctx, target.name, namespace_of(ctx, target)) end
  if not desired then return nil end
  if target.anew and not before then
    local source = {}
    local _end <close> = defer(function() client(ctx):let_go(source) end)
    anew.render(ctx, target, namespace_of(ctx, target), desired, source)
  end
  local after = copy_of(desired)
  after.status, after.back_to = "deployed", desired.revision
  after.revision = mends and before.revision or value.unknown
  return after
end

-- A helm that died leaves its release locked. If o2x started it, as its label shows, this rolls back to the revision
-- that was deployed last, or removes a release that never was deployed. The tenant's lock ensures that no such helm
-- still runs.
local function repair(ctx, target, before)
  local helm, namespace = client(ctx), namespace_of(ctx, target)
  local newest = ctx:ask("k8s", helm.status, helm, target.name, namespace)
  if not newest or not newest.labels[helm_client.LABEL] then
    errors.raise {
      kind = "conflict",
      module = "helm",
      op = "upgrade",
      message = ("release %s is %s, but not by o2x: another helm is working on it or died"):format(
        target.name,
        before.status
      ),
      hint = (
        "helm history %s -n %s; if no helm is running: helm rollback %s -n %s,"
        .. " or if it was never deployed: helm uninstall %s -n %s"
      ):format(target.name, namespace, target.name, namespace, target.name, namespace),
    }
  end
  local deployed = helm_rollback.newest_good(ctx:ask("k8s", helm.history, helm, target.name, namespace) or {})
  ctx:log(
    "warning",
    ("release %s was left %s by a run that ended: %s"):format(
      target.name,
      before.status,
      deployed and "rolled back to revision " .. deployed or "removed because it was never deployed"
    )
  )
  if deployed then
    stored.rollback(ctx, target.name, namespace, deployed)
  else
    stored.uninstall(ctx, target.name, namespace)
  end
end

local function was_faster(err) return err.message:find("release: already exists", 1, true) ~= nil end

local function upgrade(ctx, target, before, effect_key)
  local namespace = namespace_of(ctx, target)
  stored.check(ctx, target.name, namespace, { before = before })
  if before and before.status:match("^pending") then repair(ctx, target, before) end
  if before and before.status == "uninstalling" then stored.uninstall(ctx, target.name, namespace) end
  target.source.label = effect_key
  -- helm has found its base before that, or finds it now; of two that have the same base, one writes its record.
  local helm = client(ctx)
  guard.run(was_faster, helm.upgrade, helm, target.name, target.source)
end

-- Deploys a release of which helm has no record as it was.
local function deploy_anew(ctx, target, desired, before, effect_key)
  local source = {}
  local _end <close> = defer(function() client(ctx):let_go(source) end)
  anew.render(ctx, target, namespace_of(ctx, target), desired, source)
  upgrade(ctx, { name = target.name, namespace = target.namespace, source = source }, before, effect_key)
end

-- What is there then, as read gives it: mend has looked at the objects after helm wrote them, and leaves no drift.
function release.write(ctx, target, desired, before, effect_key)
  local helm, namespace = client(ctx), namespace_of(ctx, target)
  -- helm keeps the history of what a script removes: its own way to bring a release back. What an undo removes has no
  -- history of before the run, so nothing stays of it.
  local as = { before = before }
  if desired == nil then return stored.uninstall(ctx, target.name, namespace, not target.purge, as) end
  local mends = before and same_record(before, desired)
  if not mends then
    if target.anew then
      deploy_anew(ctx, target, desired, before, effect_key)
    elseif target.source then
      upgrade(ctx, target, before, effect_key)
    else -- pending or not
      stored.rollback(ctx, target.name, namespace, desired.revision, desired, as)
    end
  end
  local objects = content.objects(desired.manifest) or {}
  live.mend(ctx, target.name, namespace, objects, mends and drift_lines(before) or nil)
  local record = ctx:ask("k8s", helm.status, helm, target.name, namespace)
  return nil, record and content.of(record)
end

function release.by_hand(ctx, target, desired, before)
  local namespace = namespace_of(ctx, target)
  if desired == nil then return { commands.uninstall(target.name, namespace) } end
  local lines = {}
  if before and not value.is_unknown(before) and before.status:match "^pending" then
    lines[1] = {
      comment = "an earlier helm left it pending: if none is running, roll back to the last revision that was deployed",
      line = commands.history(target.name, namespace),
    }
  end
  if target.anew then
    lines[#lines + 1] = commands.upgrade(target.name, namespace, { given = target.given })
  elseif not target.source then
    lines[#lines + 1] = commands.rollback(target.name, namespace, desired.revision)
  else
    lines[#lines + 1] = commands.upgrade(target.name, namespace, target.source)
  end
  return lines
end

function release.look(ctx, target) return { commands.status(target.name, namespace_of(ctx, target)) } end

-- Of contents that the journal has, only hashes are known: they tell that something changed, not what.
local function hash_lines(before, after)
  if not before then return { "+ " .. after.chart } end
  if not after then return { "- " .. before.chart } end
  local lines = {}
  if
    not value.is_unknown(after.revision)
    and before.revision ~= after.revision
    and before.revision
    and after.revision
  then
    lines[1] = ("~ revision: %s → %s"):format(before.revision, after.revision)
  end
  for _, field in ipairs { "values", "manifest", "hooks" } do
    if before[field] ~= after[field] then lines[#lines + 1] = ("~ %s: (changed)"):format(field) end
  end
  return lines
end

local function append(lines, more) table.move(more, 1, #more, #lines + 1, lines) end

-- What the diff does not say: an unchanged hook runs again, a CRD of the chart is left as it is.
local function notes(target, before, after)
  local lines = {}
  for _, hook in ipairs(before and after and before.hooks == after.hooks and content.objects(after.hooks) or {}) do
    lines[#lines + 1] = ("  %s runs again"):format(manifest.name(hook))
  end
  for _, crd in ipairs(target.source and target.source.crds or {}) do
    lines[#lines + 1] = ("  %s (CRD) is in the cluster already"):format(manifest.name(crd))
  end
  return lines
end

function release.show(target, before, after)
  local lines = {}
  local mends = before and after and before.drift and same_record(before, after)
  for _, field in ipairs { "chart", "status" } do
    local old, new = before and before[field], after and (after[field] or "deployed")
    if before and after and old ~= new then lines[#lines + 1] = ("~ %s: %s → %s"):format(field, old, new) end
  end
  if not target.source and before and after and not mends then
    lines[#lines + 1] = ("~ revision: %s → that of %s"):format(before.revision, after.back_to or after.revision)
    for _, line in ipairs(content.values_diff(before.values, after.values)) do
      lines[#lines + 1] = "  values " .. line
    end
  end
  append(lines, drift_lines(before))
  append(lines, drift_lines(after))
  local old, new = content.all(before), content.all(after)
  if after and value.is_unknown(after.manifest) then
    lines[#lines + 1] = (before and "~ " or "+ ") .. tostring(after.manifest)
  elseif (old or not before) and (new or not after) then
    append(lines, manifest.diff(old, new))
  else
    append(lines, hash_lines(before, after))
  end
  if #lines == 0 and after then
    lines[1] = before and "~ values (the rendered objects stay the same)" or "+ (the chart renders no objects)"
  end
  if not mends then append(lines, notes(target, before, after)) end
  return { title = ("release %s%s"):format(target.name, after and " (" .. after.chart .. ")" or ""), lines = lines }
end

-- ---- what scripts see ----

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
