--- Maintenance: stops a tenant in order and starts it again exactly as it was.

local maintenance = require "stdlib.maintenance"
local runbook = require "o2x.runbook"

return runbook {
  name = "maintenance",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Stop all services of a tenant, or bring them back exactly as they were",
  emergency = "TENANT mode=on --confirm=TENANT",
  help = [[
Why:     work during which nothing may run: a restore, a manual migration, a security incident.
mode=on  saves replicas, autoscalers and schedules on the objects themselves (annotation o2x.io/maintenance),
         silences the tenant's alerts for the time in for=, serves a page with status 503, suspends the cron jobs
         and scales the workloads to 0, dependants first. A second mode=on only moves the planned end.
mode=off restores the saved state in start order. Works from any machine, also after a crash.
mode=status shows whether maintenance is on, since when, by whom, whether it is overdue, and the saved state.
Touches: this tenant only. While it is on, deploy, scale and rollback are refused. It does not end by itself: once
         for= has passed, the alerts fire again and every run of the tenant says that it is overdue.
Verify:  kubectl get deploy -l tenant=TENANT; curl -I https://TENANT.DOMAIN/ returns 503
Undo:    mode=off]],
  params = {
    mode = { "choice", choices = { "on", "off", "status" }, harmless = "status", help = "on, off or status" },
    ["for"] = { "duration", default = 3600, help = "mode=on: planned duration" },
  },
  effects = { "k8s:write", "alerts:write" },

  run = function(tenant, params)
    if params.mode == "on" then
      maintenance.on(tenant, params["for"])
    elseif params.mode == "off" then
      maintenance.off(tenant)
    else
      maintenance.status(tenant)
    end
  end,
}
