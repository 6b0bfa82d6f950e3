--- Rollback: takes services back to what was deployed before.

local rollback = require "stdlib.rollback"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"

return runbook {
  name = "rollback",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Roll back a tenant's services, each to its own previous good revision",
  emergency = "TENANT --confirm=TENANT",
  help = [[
Why:     the last deployment made things worse.
Does:    for each service, dependants first: rolls the release back to its own last good revision with another image
         or other values, waits until it is ready and healthy, then sets the values file to match the release.
         Repairs releases that helm left pending. A service that fails on the old revision as well is returned to
         its current one, and the run fails.
to=3     that revision, for one service
to=R-2026…  the state before that run
to=2h    the state two hours ago; or a time, to=2026-11-23T07:00:00Z
Before:  o2x plan rollback TENANT shows the differences in image and values, and changes nothing
Verify:  helm list; o2x run smoke TENANT
Undo:    o2x run rollback TENANT to=RUN, with the id of this run]],
  params = {
    services = {
      "list",
      choices = services.CHOICES,
      optional = true,
      help = "service-billing,tax-gateway …; default: all",
    },
    to = { "string", optional = true, help = "a revision of one service, a run, or a time" },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become healthy" },
  },
  effects = { "helm:write", "files:write" },

  run = rollback.run,
}
