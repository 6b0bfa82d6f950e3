--- Logs: the last lines that a tenant's services wrote.

local logs = require "stdlib.logs"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"

return runbook {
  name = "logs",
  version = "1.0.0",
  api = 1,
  summary = "Show the last lines that a tenant's services wrote",
  emergency = "TENANT services=SERVICE match=error",
  help = [[
Why:     what does a service say of itself?
Does:    reads the last lines= lines of each pod of the services (all of them without services=), and shows those that
         have the text match=, in any case. previous=true: of the container before its last restart.
Touches: nothing.
--json   gives the lines as a list for each pod]],
  params = {
    services = {
      "list",
      choices = services.CHOICES,
      optional = true,
      help = "service-billing,tax-gateway …; default: all",
    },
    lines = { "integer", default = 100, min = 1, max = 10000, help = "of each pod" },
    match = { "string", optional = true, help = "only lines with this text" },
    previous = { "boolean", default = false, help = "of the container before its last restart" },
  },

  run = logs.run,
}
