--- A release as it is read: what helm's record says, and where the cluster differs from it.

local content = require "o2x.effects.helm.content"
local live = require "o2x.effects.helm.live"
local run_memory = require "o2x.base.run_memory"

local M = {}

-- What was noted while releases were read. `lines`: of drifts, for a diff; the effect's value has the places alone,
-- so that nothing of live objects is compared by a resumed run, or kept for undo. `removed`: releases of which only the
-- history is there.
local function noted() return run_memory.of("helm.releases", { "lines", "removed" }) end

--- The namespace of a release; that of the tenant if none is given.
---@param ctx table
---@param target table
---@return string
function M.namespace(ctx, target) return target.namespace or ctx:client("k8s").namespace end

--- Is a release removed, and its history still there? Known once it was read.
---@param ctx table
---@param target table
---@return boolean
function M.has_only_history(ctx, target)
  local name = M.namespace(ctx, target) .. "/" .. target.name
  return noted().removed[name] ~= nil
end

local function add_drift(ctx, found, namespace)
  local objects = content.objects(found.manifest)
  local drifts = objects and live.drift(ctx, objects, namespace) or {}
  if #drifts == 0 then return end
  found.drift = live.places(drifts)
  noted().lines[table.concat(found.drift, "\n")] = live.lines(drifts)
end

--- The newest revision, and where the cluster differs from it. A release that is not deployed is written anew anyway.
---@param ctx table
---@param target table
---@return table? release as o2x.effects.helm.content gives it, with `drift`
function M.read(ctx, target)
  local namespace = M.namespace(ctx, target)
  local record = ctx:client("helm"):status(target.name, namespace)
  local is_removed = record and record.status == "uninstalled"
  noted().removed[namespace .. "/" .. target.name] = is_removed or nil
  if not record or is_removed then return nil end
  local found = content.of(record)
  if found.status == "deployed" and not target.record_only then add_drift(ctx, found, namespace) end
  return found
end

--- Between helm's record and the cluster.
---@param found table?
---@return string[] lines of a diff
function M.drift_lines(found)
  if not found or not found.drift then return {} end
  return noted().lines[table.concat(found.drift, "\n")] or found.drift
end

--- Is this what helm's record shall be, whatever became of the objects?
---@param current table
---@param desired table
---@return boolean
function M.is_same_record(current, desired)
  return current.status == "deployed"
    and current.chart == desired.chart
    and current.values == desired.values
    and current.manifest == desired.manifest
    and current.hooks == desired.hooks
end

return M
