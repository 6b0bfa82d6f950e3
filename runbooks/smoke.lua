--- Smoke test: does the tenant work, seen from outside?

local runbook = require "o2x.runbook"
local smoke = require "stdlib.smoke"

return runbook {
  name = "smoke",
  version = "1.2.0",
  api = 1,
  summary = "Check that a tenant works: the fourteen checks of the handover",
  emergency = "TENANT",
  help = [[
Why:     after a deployment, a rollback or a restore, or every morning.
Does:    runs all fourteen checks of the guide (7.3), also after a failure: pods, database, Vault, Redis, queues,
         login, GraphQL, gateways, and the orders, bills and payments of the test customer from onboarding.
Touches: nothing that lasts. Logs in as the administrator, and asks the gateways to test their connection; a plan
         does neither, and lists those checks.
         Of a tenant in maintenance it says since when and by whom, checks what holds then (services stopped, page up,
         database, Vault, Redis, queues), and asks nothing of the services.
--json   prints the checks as JSON; junit=FILE writes them as JUnit XML as well
Exit:    0 when all checks pass, 1 when one fails, 2 in maintenance when all is as it should be then]],
  params = {
    junit = { "string", optional = true, help = "file for the checks as JUnit XML" },
  },

  effects = { "service:write" }, -- the login, the tests of the gateways

  run = smoke.run,
}
