--- Maintenance mode (guide: "Scale Down (Maintenance Mode)"): stops everything of one tenant and later restores it
--- exactly. The guide scales everything back to two replicas; here each object carries its own saved state.

local alerts = require "o2x.alerts"
local clock = require "o2x.clock"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local page = require "stdlib.maintenance.page"
local runs = require "o2x.runs"
local status = require "stdlib.maintenance.status"
local workloads = require "stdlib.maintenance.workloads"

local M = { of = status.of, describe = status.describe, overdue = status.overdue, refuse = status.refuse }

-- A new record, or the current one with another planned end.
local function prepare(tenant, seconds)
  local since, planned_end = clock.stamp(0, seconds)
  local run = runs.current()
  local record = status.of(tenant)
    or { tenant = tenant.name, since = since, by = run.user .. "@" .. run.host, run = run.id }
  record["until"] = planned_end
  return record
end

local function alertmanager(tenant)
  local monitoring = tenant.platform.monitoring
  return { service = monitoring.alertmanager or "alertmanager-operated", port = 9093, namespace = monitoring.namespace }
end

-- A failure is logged, not raised: alerts that fire must not keep a tenant up that has to go down.
local function silence(tenant, record)
  local target = alertmanager(tenant)
  local ok, problem = pcall(function()
    if not k8s.get("Service", target.service, target.namespace) then
      fail(("there is no %s in %s"):format(target.service, target.namespace))
    end
    local comment = "maintenance of " .. tenant.name .. " by " .. record.by .. " (" .. record.run .. ")"
    alerts.silence(target, { until_time = record["until"], comment = comment })
  end)
  if not ok then log("the alerts are not silenced: " .. tostring(problem), { last = true }) end
end

local function unsilence(tenant)
  local ok, problem = pcall(alerts.unsilence, alertmanager(tenant))
  if not ok then
    log("the silence is not removed and stays until its planned end: " .. tostring(problem), { last = true })
  end
end

--- Turns maintenance on. If it is on already, only the planned end moves.
---@param tenant table
---@param seconds integer until the planned end
function M.on(tenant, seconds)
  local record = step("Prepare the record", prepare, tenant, seconds)
  -- The annotation for an object: the record and the object's state.
  local function annotation(state)
    for name, value in pairs(record) do
      state[name] = value
    end
    return json.encode(state)
  end
  step("Write the record", page.write_record, tenant, annotation {})
  step("Silence the alerts", silence, tenant, record)
  step("Show the maintenance page", page.show, tenant, annotation)
  local found = step("List the workloads", workloads.list, tenant)
  step("Stop the services", workloads.stop, tenant, found, annotation)
  log(status.announce(tenant, record))
end

local function any_saved(found)
  for _, list in pairs(found) do
    for _, entry in ipairs(list) do
      if entry.saved then return true end
    end
  end
  return false
end

--- Turns maintenance off and restores the saved state, from any machine and however far mode=on got.
---@param tenant table
function M.off(tenant)
  local found = step("List the saved state", workloads.list, tenant)
  if not status.of(tenant) and not any_saved(found) then return log(tenant.name .. " is not in maintenance") end
  local problems = step("Start the services", workloads.restore, tenant, found)
  step("Hide the maintenance page", page.hide, tenant)
  step("Remove the silence", unsilence, tenant)
  step("Remove page and record", page.remove, tenant)
  if #problems > 0 then
    fail("the saved state is restored, but not everything is ready: " .. table.concat(problems, "; "))
  end
end

-- One row: what is true now beside the saved state, both formatted by text.
local function row(what, now, saved, text) return { what = what, now = text(now), saved = saved and text(saved) } end

--- Outputs whether the tenant is in maintenance, and each object's current and saved state.
---@param tenant table
function M.status(tenant)
  local record, found = status.of(tenant), workloads.list(tenant)
  if not record then log(tenant.name .. " is not in maintenance") end
  -- An overdue one is logged at the start of every run.
  if record and not status.overdue(record) then log(status.describe(tenant, record)) end
  local rows = {}
  for _, workload in ipairs(found.workloads) do
    local name = workload.kind .. " " .. workload.name
    rows[#rows + 1] = row(name, workload, workload.saved, function(state) return state.replicas end)
  end
  for _, scaler in ipairs(found.autoscalers) do
    local function range(state) return ("%d–%d"):format(state.min, state.max) end
    rows[#rows + 1] = row("HorizontalPodAutoscaler " .. scaler.name, scaler, scaler.saved, range)
  end
  for _, job in ipairs(found.schedules) do
    local function active(state) return state.suspend and "suspended" or "active" end
    rows[#rows + 1] = row("CronJob " .. job.name, job, job.saved, active)
  end
  output { columns = { "what", "now", "saved" }, rows = rows }
end

return M
