--- The effect type of a release.

local anew = require "o2x.effects.helm.anew"
local commands = require "o2x.effects.helm.commands"
local content = require "o2x.effects.helm.content"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local helm_client = require "o2x.client.helm"
local helm_rollback = require "o2x.effects.helm.rollback"
local live = require "o2x.effects.helm.live"
local seen = require "o2x.effects.helm.seen"
local show = require "o2x.effects.helm.show"
local stored = require "o2x.effects.helm.stored"
local value = require "o2x.base.value"
local whole = require "o2x.effects.helm.whole"

local function client(ctx) return ctx:client "helm" end

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
    return seen.has_only_history(ctx, target) and { has_history = true } or nil
  end,
  undo = {
    before = "hashes of values and manifest; the revision by reference",
    how = "rolls back to the earlier revision, also of a removed release; uninstalls a new release, with its history; "
      .. "deploys one without history again if chart and values files are the same",
    cannot = "what hooks did; a revision of which helm has no record any more, if chart or values have changed",
    rights = { kubernetes = { "delete own secrets,deployments,services" } },
    gone = function(target) return target.purge and "the release and its history" or nil end,
    traces = function(_, back)
      local is_new = back.target.purge or back.target.anew
      return not is_new and "helm keeps the revisions in between, and counts on from them" or nil
    end,
  },
  rehearsal = { objects = whole.release, all = whole.releases },
}

release.read = seen.read
release.show = show

function release.equal(current, desired) return seen.is_same_record(current, desired) and not current.drift end

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
  return now.status ~= "deployed" or now.drift ~= nil and past.desired ~= nil and seen.is_same_record(now, past.desired)
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
  local found = revision and helm_rollback.at(ctx, target.name, revision, seen.namespace(ctx, target))
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
  local mends = before and desired and seen.is_same_record(before, desired)
  if before and not mends then stored.check(ctx, target.name, seen.namespace(ctx, target)) end
  if not desired then return nil end
  if target.anew and not before then
    local source = {}
    local _end <close> = defer(function() client(ctx):let_go(source) end)
    anew.render(ctx, target, seen.namespace(ctx, target), desired, source)
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
  local helm, namespace = client(ctx), seen.namespace(ctx, target)
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
  local namespace = seen.namespace(ctx, target)
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
  anew.render(ctx, target, seen.namespace(ctx, target), desired, source)
  upgrade(ctx, { name = target.name, namespace = target.namespace, source = source }, before, effect_key)
end

-- What is there then, as read gives it: mend has looked at the objects after helm wrote them, and leaves no drift.
function release.write(ctx, target, desired, before, effect_key)
  local helm, namespace = client(ctx), seen.namespace(ctx, target)
  -- helm keeps the history of what a script removes: its own way to bring a release back. What an undo removes has no
  -- history of before the run, so nothing stays of it.
  local as = { before = before }
  if desired == nil then return stored.uninstall(ctx, target.name, namespace, not target.purge, as) end
  local mends = before and seen.is_same_record(before, desired)
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
  live.mend(ctx, target.name, namespace, objects, mends and seen.drift_lines(before) or nil)
  local record = ctx:ask("k8s", helm.status, helm, target.name, namespace)
  return nil, record and content.of(record)
end

function release.by_hand(ctx, target, desired, before)
  local namespace = seen.namespace(ctx, target)
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

function release.look(ctx, target) return { commands.status(target.name, seen.namespace(ctx, target)) } end

return release
