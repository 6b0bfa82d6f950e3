--- Restart: new pods for services, without an interruption.

local restart = require "stdlib.restart"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"

return runbook {
  name = "restart",
  version = "1.0.0",
  api = 1,
  summary = "Restart services: new pods one after the other, without an interruption",
  emergency = "TENANT services=SERVICE",
  help = [[
Why:     a service hangs, or has to read its secrets or its configuration again.
Does:    what kubectl rollout restart does (the guide's 6.3), in the order of the catalogue's waves: each service is
         healthy before the next wave begins. services=all restarts all of them.
Touches: nothing but the pods. Each run restarts: a second run restarts again, and so does an undo.
Verify:  kubectl get pods -l tenant=TENANT]],
  params = {
    services = { "list", choices = services.CHOICES, optional = true, help = "service-billing,tax-gateway …, or all" },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become healthy" },
  },
  effects = { "k8s.fields:write" },

  run = restart.run,
}
