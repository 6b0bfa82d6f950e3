--- Maintenance mode (guide: "Scale Down (Maintenance Mode)"): everything of one tenant stopped, remembered, and
--- restored as it was. The guide scales back to two replicas of everything; here what was there is noted on the objects
--- themselves.

local alerts = require "o2x.alerts"
local clock = require "o2x.clock"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local note = require "stdlib.maintenance.note"
local page = require "stdlib.maintenance.page"
local runs = require "o2x.runs"
local workloads = require "stdlib.maintenance.workloads"

local M = { of = note.of, describe = note.describe, lapsed = note.lapsed, refuse = note.refuse }

-- The note of this maintenance: a new one, or that which is there with another end.
local function begin(tenant, seconds)
  local known, now = note.of(tenant), clock.now()
  local run = runs.current()
  local this = known or { tenant = tenant.name, since = clock.iso(now), by = run.user .. "@" .. run.host, run = run.id }
  this["until"] = clock.iso(now + seconds)
  return this
end

-- Where the alerts of this platform go.
local function alertmanager(tenant)
  local monitoring = tenant.platform.monitoring
  return { service = monitoring.alertmanager or "alertmanager-operated", port = 9093, namespace = monitoring.namespace }
end

-- A silence that cannot be had is no reason to keep a tenant up that has to go down: it is said, and the alerts ring.
local function silence(tenant, this)
  local where = alertmanager(tenant)
  local ok, problem = pcall(function()
    if not k8s.get("Service", where.service, where.namespace) then
      fail(("there is no %s in %s"):format(where.service, where.namespace))
    end
    local comment = ("maintenance of %s by %s (%s)"):format(tenant.name, this.by, this.run)
    alerts.silence(where, { until_time = this["until"], comment = comment })
  end)
  if not ok then log("the alerts are not silenced: " .. tostring(problem)) end
end

local function unsilence(tenant)
  local ok, problem = pcall(alerts.unsilence, alertmanager(tenant))
  if not ok then log("the silence of the alerts stays until it ends by itself: " .. tostring(problem)) end
end

--- Takes the tenant into maintenance. When it is in it already, only the end moves.
---@param tenant table
---@param seconds integer until it should be over
function M.on(tenant, seconds)
  local this = step("Note the maintenance", begin, tenant, seconds)
  local function words(before)
    for name, value in pairs(this) do
      before[name] = value
    end
    return json.encode(before)
  end
  step("Write the note", page.note, tenant, words {})
  step("Silence the alerts", silence, tenant, this)
  step("Put up the page", page.show, tenant, words)
  local found = step("Look at what runs", workloads.look, tenant)
  step("Stop the services", workloads.drain, tenant, found, words)
  log(note.describe(tenant, this))
end

local function anything_noted(found)
  for _, list in pairs(found) do
    for _, entry in ipairs(list) do
      if entry.noted then return true end
    end
  end
  return false
end

--- Brings the tenant back as it was, from whatever machine and however far maintenance had come.
---@param tenant table
function M.off(tenant)
  local found = step("Look at what is noted", workloads.look, tenant)
  if not note.of(tenant) and not anything_noted(found) then return log(tenant.name .. " is in no maintenance") end
  local troubles = step("Start the services", workloads.restore, tenant, found)
  step("Take the page down", page.hide, tenant)
  step("Let the alerts ring again", unsilence, tenant)
  step("Remove page and note", page.remove, tenant)
  if #troubles > 0 then
    fail("everything is as it was, but not everything is ready: " .. table.concat(troubles, "; "))
  end
end

--- Tells whether the tenant is in maintenance, and what is remembered.
---@param tenant table
function M.status(tenant)
  local this, found = note.of(tenant), workloads.look(tenant)
  if not this then log(tenant.name .. " is in no maintenance") end
  if this and not note.lapsed(this) then log(note.describe(tenant, this)) end -- every run says it when it has
  local rows = {}
  for _, workload in ipairs(found.workloads) do
    rows[#rows + 1] = {
      what = workload.kind .. " " .. workload.name,
      now = workload.replicas,
      remembered = workload.noted and workload.noted.replicas,
    }
  end
  for _, scaler in ipairs(found.autoscalers) do
    local noted = scaler.noted
    local function bounds(one) return one and ("%d–%d"):format(one.least, one.most) end
    rows[#rows + 1] =
      { what = "HorizontalPodAutoscaler " .. scaler.name, now = bounds(scaler), remembered = bounds(noted) }
  end
  for _, job in ipairs(found.schedules) do
    local noted = job.noted
    rows[#rows + 1] = {
      what = "CronJob " .. job.name,
      now = job.suspend and "suspended" or "active",
      remembered = noted and (noted.suspend and "suspended" or "active"),
    }
  end
  output { columns = { "what", "now", "remembered" }, rows = rows }
end

return M
