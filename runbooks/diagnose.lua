--- What is wrong with a tenant (guide: "Troubleshooting").

local diagnose = require "stdlib.diagnose"
local runbook = require "o2x.runbook"

return runbook {
  name = "diagnose",
  version = "1.0.0",
  api = 1,
  summary = "Find what is wrong with a tenant: the guide's five troubleshooting chapters, looked at for you",
  help = [[
Why:     a tenant does not work, or works badly, and it is 3 a.m.
Does:    looks at pods, events, logs, releases, environment, secrets, the Vault token, the database, OAuth tokens,
         gateways, connection pools, slow queries, indexes, cache, queues, payments, webhooks, bills, jobs, invoices,
         certificate and maintenance. Ranks what it finds: critical, warning, note; each with what was seen and the
         command that mends it, or shows more. What cannot be looked at is a finding, too.
Touches: nothing. Gateways are asked to test their connection, as the guide does.
--json   gives the findings as JSON: severity, area, subject, finding, evidence, mend
Exit:    0 when nothing was found, 2 when something was (as o2x plan --detailed-exitcode), others as everywhere]],

  run = function(tenant)
    tenant.id = tenant.id or diagnose.identify(tenant)
    diagnose.tell(tenant, step("Look at everything", diagnose.look, tenant))
  end,
}
