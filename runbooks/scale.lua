--- Scale: sets how many replicas of a service run.

local runbook = require "o2x.runbook"
local scaling = require "stdlib.scaling"
local services = require "stdlib.services"

return runbook {
  name = "scale",
  version = "1.0.0",
  api = 1,
  summary = "Set the number of replicas of services, or show them",
  emergency = "TENANT service=SERVICE replicas=N",
  help = [[
Why:     a service has too few replicas for its load, or too many.
Does:    sets the replicas and waits until they are ready. Refuses a number outside the catalogue's range (2–3 for
         service-billing …) and a service with an autoscaler, unless force=true.
         The next deploy or rollback goes back to the values file: permanent=true writes replicaCount there as well,
         and nothing else in the file changes.
Without service= and replicas=, or with status=true, it shows desired and ready replicas, the allowed range, the values
file's number and the autoscaler.
Before:  o2x plan scale TENANT … shows the change, and makes none
Verify:  kubectl get deploy -l tenant=TENANT
Undo:    scale again; o2x show RUN shows the previous number]],
  params = {
    service = {
      "list",
      choices = services.CHOICES,
      optional = true,
      help = "service-billing,service-usage …, or all",
    },
    replicas = { "integer", optional = true, help = "number of replicas" },
    permanent = { "boolean", default = false, help = "write it to the values file as well" },
    force = { "boolean", default = false, help = "ignore the catalogue's range and autoscalers" },
    status = { "boolean", default = false, help = "only show the current state" },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become ready" },
  },
  effects = { "k8s.replicas:write", "files:write" },

  run = function(tenant, params)
    if params.status or not (params.service or params.replicas) then
      scaling.status(tenant, params)
    else
      scaling.run(tenant, params)
    end
  end,
}
