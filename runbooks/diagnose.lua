--- Diagnose: what is wrong with a tenant (guide: "Troubleshooting").

local diagnose = require "stdlib.diagnose"
local runbook = require "o2x.runbook"

return runbook {
  name = "diagnose",
  version = "1.2.0",
  api = 1,
  summary = "Find what is wrong with a tenant: runs the checks of the guide's five troubleshooting chapters",
  emergency = "TENANT",
  help = [[
Why:     a tenant is down or slow, and it is 3 a.m.
Does:    checks pods, events, logs, releases, environment, secrets, the Vault token, the database, OAuth tokens,
         gateways, connection pools, slow queries, indexes, cache, queues, payments, webhooks, bills, jobs, invoices,
         certificate, names and maintenance. Ranks the findings: critical, warning, note. Each has evidence and the
         command that fixes it or shows more. A check that cannot run is a finding, too.
Touches: nothing that lasts. Gateways are asked to test their connection, as in the guide; not in a plan.
--json   prints the findings as JSON: severity, area, subject, finding, evidence, fix;
         mend is the command that ends the finding, look one that shows more
Exit:    0 with no findings, 2 with findings (like o2x plan --detailed-exitcode), others as everywhere]],
  effects = { "service:write" }, -- the tests of the gateways

  run = function(tenant)
    tenant.id = tenant.id or diagnose.identify(tenant)
    diagnose.report(tenant, step("Run all checks", diagnose.run, tenant))
  end,
}
