--- Rollback of releases: finds the earlier revision and goes back to it. Part of o2x.helm. Revision numbers count per
--- release, so the number of one release means nothing for another.

local clock = require "o2x.base.clock"
local content = require "o2x.effects.helm.content"
local errors = require "o2x.base.error"
local helm_client = require "o2x.client.helm"
local render = require "o2x.effects.helm.render"
local task = require "o2x.base.task"

local M = {}

-- Seconds. Another client's helm may be working on a pending release; after this time without a change it is dead.
local STALE <const> = 20

local function client(ctx) return ctx:client "helm" end

local function fail(kind, message, hint)
  errors.raise { kind = kind, module = "helm", op = "rollback", message = message, hint = hint }
end

local function history_of(ctx, name, namespace)
  local helm = client(ctx)
  return ctx:ask("k8s", helm.history, helm, name, namespace)
end

local function entry_of(history, revision)
  for i, entry in ipairs(history) do
    if entry.revision == revision then return entry, i end
  end
end

local function look(record)
  local found = content.of(record)
  found.image, found.updated, found.description = content.image(found.manifest), record.updated, record.description
  return found
end

local function is_good(entry) return entry.status == "deployed" or entry.status == "superseded" end

--- The revision that was deployed last. helm writes that it is superseded before it writes that the next is deployed: a
--- helm that died in between has left no deployed one.
---@param history table[] oldest first
---@return integer? revision
function M.newest_good(history)
  for i = #history, 1, -1 do
    if is_good(history[i]) then return history[i].revision end
  end
end

-- "Rollback to 2" is revision 2 again, so the revisions before it are those before 2.
local function origin(history, entry)
  local revision = tonumber((entry.description or ""):match("^Rollback to (%d+)$"))
  local source = revision and revision < entry.revision and entry_of(history, revision)
  return source and origin(history, source) or entry
end

local function differs(a, b)
  return a.manifest ~= b.manifest or a.hooks ~= b.hooks or a.values ~= b.values or a.chart ~= b.chart
end

-- The newest good revision, up to a place in the history, for which `wanted` is true.
local function search(history, place, wanted)
  for i = place, 1, -1 do
    local found = is_good(history[i]) and look(history[i])
    if found and wanted(found) then return found end
  end
end

local function previous(ctx, name, namespace)
  local history = history_of(ctx, name, namespace)
  if not history then return nil end
  local last = history[#history]
  -- The last deployment did not succeed: go back to the one before it.
  if last.status ~= "deployed" then
    return search(history, #history - 1, function() return true end)
  end
  local source = origin(history, last)
  local now = look(last)
  local _, place = entry_of(history, source.revision)
  return search(history, place - 1, function(found) return differs(found, now) end)
end

local function before(ctx, name, namespace, time)
  local history = history_of(ctx, name, namespace)
  if not history then return nil end
  return search(history, #history, function(found) return clock.parse(found.updated) <= time end)
end

--- A revision of a release as helm has it.
---@param ctx table
---@param name string
---@param revision integer
---@param namespace string
---@return table? found revision, status, chart, values, manifest, hooks …; nil if helm does not keep it
function M.at(ctx, name, revision, namespace)
  local helm = client(ctx)
  local record = ctx:ask("k8s", helm.status, helm, name, namespace, revision)
  return record and look(record)
end

-- ---- releases that a helm left pending ----

-- Waits until no helm can be working on a pending release. -> its last entry in the history
local function settle(ctx, name, namespace)
  local reported
  while true do
    local history = history_of(ctx, name, namespace)
    local last = history and history[#history]
    if not last or not last.status:match("^pending") then return last end
    local age = clock.now() - clock.parse(last.updated)
    if ctx.mode == "plan" or age >= STALE or last.labels[helm_client.LABEL] then
      ctx:log("warning", ("release %s was left %s by a helm that ended"):format(name, last.status))
      return last
    end
    if not reported then
      ctx:log(
        "warning",
        ("release %s is %s: waiting to see whether a helm is still working on it"):format(name, last.status)
      )
      reported = true
    end
    task.sleep(1)
  end
end

--- The value of helm.release that goes back to a revision.
---@param found table of at
---@return table
function M.desired_of(found)
  return {
    revision = found.revision,
    status = "deployed",
    chart = found.chart,
    app_version = found.app_version,
    values = found.values,
    manifest = found.manifest,
    hooks = found.hooks,
  }
end

local function rollback(ctx, name, namespace, revision)
  local last = settle(ctx, name, namespace)
  if not last then fail("failed", ("unknown release %s"):format(name)) end
  local found = M.at(ctx, name, revision, namespace)
  if not found then
    fail(
      "input",
      ("release %s has no revision %s"):format(name, tostring(revision)),
      ("helm history %s -n %s lists the revisions; helm keeps the last ten"):format(
        name,
        namespace or ctx:client("k8s").namespace
      )
    )
  end
  render.check(ctx, content.all(found) or {}, namespace)
  local _, outcome = ctx:effect("helm.release", { name = name, namespace = namespace }, M.desired_of(found))
  return outcome, content.objects(found.manifest) or {}
end

-- Rolls a pending release back to its deployed revision; removes one that was never deployed.
local function repair(ctx, name, namespace)
  local helm = client(ctx)
  local last = ctx:ask("k8s", helm.status, helm, name, namespace)
  if not last or not last.status:match("^pending") then return "unchanged" end
  settle(ctx, name, namespace)
  local good = previous(ctx, name, namespace)
  if good then return (rollback(ctx, name, namespace, good.revision)) end
  local _, outcome = ctx:effect("helm.release", { name = name, namespace = namespace }, nil)
  return outcome
end

--- The functions of this file in o2x.helm.
---@param ctx table
---@param wait fun(objects: table[], namespace: string, seconds: number?) waits until the workloads are ready
---@return table
function M.api(ctx, wait)
  local function default(namespace) return namespace or ctx:client("k8s").namespace end
  return {
    --- A revision of a release.
    ---@param name string
    ---@param revision integer
    ---@param namespace string? the tenant's own by default
    ---@return table? revision revision, status, chart, app_version, image, updated, description; nil if it is not kept
    at = function(name, revision, namespace) return M.at(ctx, name, revision, default(namespace)) end,

    --- The last good revision before the current one whose image or values differ. For a release whose last deployment
    --- did not succeed: the last good revision before it.
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return table? revision revision, status, chart, app_version, image, updated, description; nil if there is none
    previous = function(name, namespace) return previous(ctx, name, default(namespace)) end,

    --- The good revision that was deployed at a time.
    ---@param name string
    ---@param time number seconds since 1970
    ---@param namespace string? the tenant's own by default
    ---@return table? revision revision, status, chart, app_version, image, updated, description; nil if there was none
    before = function(name, time, namespace) return before(ctx, name, default(namespace), time) end,

    --- The values of a revision.
    ---@param found table from at, previous or before
    ---@return table? values
    values = function(found) return content.values(found.values) end,

    --- Rolls back to a revision, which creates a new one, and waits until its workloads are ready.
    ---@param name string
    ---@param revision integer
    ---@param o { namespace: string?, timeout: number?, wait: boolean? }?
    ---@return string outcome
    rollback = function(name, revision, o)
      local namespace = default(o and o.namespace)
      local outcome, objects = rollback(ctx, name, namespace, revision)
      if ctx.mode ~= "plan" and not (o and o.wait == false) then wait(objects, namespace, o and o.timeout) end
      return outcome
    end,

    --- Rolls a release that helm left pending back to its deployed revision; removes one that was never deployed.
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return string outcome
    repair = function(name, namespace) return repair(ctx, name, default(namespace)) end,
  }
end

return M
