--- Maintenance: a tenant taken down in order, and brought back exactly as it was.

local maintenance = require "stdlib.maintenance"
local runbook = require "o2x.runbook"

return runbook {
  name = "maintenance",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Stop all services of a tenant, or bring them back exactly as they were",
  help = [[
Why:     work that nothing may run beside: a restore, a migration by hand, a breach.
mode=on  notes replicas, autoscalers and schedules on the objects themselves (annotation o2x.io/maintenance),
         silences the tenant's alerts until the end that for= gives, puts a page with status 503 behind its
         ingress, suspends its cron jobs, and takes its workloads to 0, dependants first. Again: only the end
         moves.
mode=off restores what is noted, in the waves in which services start. Works from any machine, after a crash, too.
mode=status says whether it is on, since when, by whom, whether it has lapsed, and what is remembered.
Meanwhile deploy, scale and rollback of the tenant are refused. Nothing ends by itself: when for= has passed, the alerts
ring again and every status says so.
Verify:  kubectl get deploy -l tenant=TENANT; curl -I https://TENANT.DOMAIN/ answers 503
Back:    mode=off]],
  params = {
    mode = { "choice", choices = { "on", "off", "status" }, harmless = "status", help = "on, off or status" },
    ["for"] = { "duration", default = 3600, help = "mode=on: when it should be over" },
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
