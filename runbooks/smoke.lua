--- Smoke test: does the tenant work, from the outside?

local runbook = require "o2x.runbook"
local smoke = require "stdlib.smoke"

return runbook {
  name = "smoke",
  version = "1.0.0",
  api = 1,
  summary = "Look whether a tenant works: the fourteen checks of the handover",
  help = [[
Why:     after a deployment, a rollback or a restore; or every morning.
Does:    makes the guide's fourteen checks (7.3), all of them, whatever fails: pods, database, Vault, Redis,
         queues, log-in, GraphQL, gateways, and what came of the test customer that onboarding made. Changes
         nothing.
--json   gives the checks as JSON; junit=FILE writes them as JUnit XML, too
Exit:    0 when all hold, 1 when one does not]],
  params = {
    junit = { "string", optional = true, help = "a file for the checks as JUnit XML" },
  },

  run = smoke.run,
}
