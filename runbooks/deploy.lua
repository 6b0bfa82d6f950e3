--- Deploy: a new image, or the charts and values of the platform tree, to one tenant.

local rollout = require "stdlib.rollout"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"

return runbook {
  name = "deploy",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Deploy an image tag to a tenant's services in waves; roll back if one fails",
  help = [[
Why:     a new version, or a change to charts or values in the tree.
Does:    writes image.tag into the tenant's values files (everything else in them stays byte for byte) and releases
         wave by wave. The next wave starts when every service of the last one is ready and healthy. If a service
         fails, everything deployed so far is rolled back to its own revision and values file.
         Without image= it deploys the charts and values as they are. Services that tenants/TENANT.yaml pins to
         another tag (pins:, image:) are skipped, and the output lists them.
Before:  o2x plan deploy TENANT image=… shows every difference, and changes nothing
Verify:  helm list; o2x run smoke TENANT
Undo:    o2x run rollback TENANT to=RUN, with the id of this run]],
  params = {
    image = { "version", optional = true, help = "image tag; default: the tag in the values files" },
    chart = { "version", optional = true, help = "stop unless the charts in the tree have this version" },
    services = {
      "list",
      choices = services.CHOICES,
      optional = true,
      help = "service-billing,tax-gateway …; default: all",
    },
    timeout = { "duration", default = services.TIMEOUT, help = "for one service to become ready and healthy" },
  },
  effects = { "helm:write", "files:write" },

  run = rollout.run,
}
