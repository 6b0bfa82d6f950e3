--- Rollback: what was deployed goes back to what was there before.

local rollback = require "stdlib.rollback"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"

return runbook {
  name = "rollback",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Take a tenant's services back, each to its own previous good revision",
  help = [[
Why:     what was deployed last is worse than what was there.
Does:    for each service, dependants first: helm rollback to its own last good revision whose image or values
         differ, then waits until it is ready and healthy, then sets the values file back to what the release
         says. A release that a helm left pending is repaired on the way. A service that fails on the old
         revision, too, is put back, and said so.
to=3     that revision, of one service          to=R-2026…  what was there before that run
to=2h    what was there two hours ago; or to=2026-11-23T07:00:00Z
Before:  o2x plan rollback TENANT shows the differences in image and values, and changes nothing
Verify:  helm list; o2x run smoke TENANT
Back:    o2x run rollback TENANT to=RUN, with the id of this run]],
  params = {
    services = { "list", optional = true, help = "service-billing,tax-gateway …; all if absent" },
    to = { "string", optional = true, help = "a revision of one service, a run, or a time" },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become healthy" },
  },
  effects = { "helm:write", "files:write" },

  run = rollback.run,
}
