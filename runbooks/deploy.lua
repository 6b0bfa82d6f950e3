--- Deploy: a new image, or what the platform tree says, to one tenant.

local rollout = require "stdlib.rollout"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"

return runbook {
  name = "deploy",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Deploy an image tag to a tenant's services, in waves, with a way back",
  help = [[
Why:     a new version, or a change of charts or values that is in the tree.
Does:    writes image.tag into the tenant's values files (everything else in them stays byte for byte), releases
         wave after wave, and goes on only when all of a wave are ready and healthy. If one is not, everything
         that was deployed goes back to its own revision, and the values files to what they said. Without image=
         it deploys what charts and values say. Services that tenants/TENANT.yaml pins to another tag (pins:,
         image:) are left alone, and said so.
Before:  o2x plan deploy TENANT image=… shows every difference, and changes nothing
Verify:  helm list; o2x run smoke TENANT
Back:    o2x run rollback TENANT to=RUN, with the id of this run]],
  params = {
    image = { "version", optional = true, help = "image tag; if absent, what the values files say" },
    chart = { "version", optional = true, help = "refuse unless the charts in the tree are of this version" },
    services = { "list", optional = true, help = "service-billing,tax-gateway …; all if absent" },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become ready and healthy" },
  },
  effects = { "helm:write", "files:write" },

  run = rollout.run,
}
