--- Scale: more or fewer of a service.

local runbook = require "o2x.runbook"
local scaling = require "stdlib.scaling"
local services = require "stdlib.services"

return runbook {
  name = "scale",
  version = "1.0.0",
  api = 1,
  summary = "Set the number of replicas of services, or show them",
  help = [[
Why:     load that a service cannot carry, or no longer has.
Does:    sets replicas, and waits until they are ready. Refuses what the catalogue does not allow (2–3 of
         service-billing …) and what an autoscaler would undo, unless force=true. The next deploy or rollback sets
         what the values file says: permanent=true writes replicaCount there, too, and nothing else of the file
         changes.
status=true shows how many run, how many are ready, the bounds, the values files' numbers and the autoscalers.
Verify:  kubectl get deploy -l tenant=TENANT
Back:    scale again; o2x show RUN tells what was there]],
  params = {
    service = { "list", optional = true, help = "service-billing,service-usage …, or all" },
    replicas = { "integer", optional = true, help = "how many" },
    permanent = { "boolean", default = false, help = "in the values file, too" },
    force = { "boolean", default = false, help = "beyond the catalogue's bounds, and against an autoscaler" },
    status = { "boolean", default = false, help = "only show" },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become ready" },
  },
  effects = { "k8s:write", "files:write" },

  run = function(tenant, params)
    if params.status then
      scaling.status(tenant, params)
    else
      scaling.run(tenant, params)
    end
  end,
}
