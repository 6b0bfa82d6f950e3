--- "Payment Processing Failures" (guide: Troubleshooting 4): failed and stuck payments, expired payment methods,
--- webhooks.

local findings = require "stdlib.diagnose.findings"
local http = require "o2x.http"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local remedy = require "stdlib.remedy"

local M = {}

local function failed(found, tenant)
  local total = pg.tenant:one [[select count(*) filter (where status = 'FAILED') as failed, count(*) as all
    from payment where created_date > now() - interval '1 day']]
  if total.failed == 0 then return end
  local rows =
    pg.tenant:rows [[select id from payment where status = 'FAILED' and created_date > now() - interval '1 day'
    order by created_date desc limit 10]]
  findings.add(
    found,
    total.failed * 2 > total.all and "critical" or "warning",
    "payment",
    ("%d of %d payments in the last day failed"):format(total.failed, total.all),
    findings.ids(rows),
    { look = remedy.logs(tenant, "payment-gateway", "error") }
  )
end

local function stuck(found, tenant)
  local total = pg.tenant:one [[select count(*) as n, min(created_date)::text as since from payment
    where status = 'PENDING' and created_date < now() - interval '15 minutes']]
  if total.n == 0 then return end
  local rows = pg.tenant:rows [[select id from payment
    where status = 'PENDING' and created_date < now() - interval '15 minutes' order by created_date limit 10]]
  findings.add(
    found,
    "critical",
    "payment",
    ("%d payments are stuck in PENDING"):format(total.n),
    ("since %s: %s"):format(total.since, findings.ids(rows)),
    {
      say = ("check that webhooks arrive and that queue %s.payment.processing is consumed"):format(tenant.id),
      look = remedy.logs(tenant, "service-payment", "payment"),
    }
  )
end

local function expired(found, tenant)
  local rows = pg.tenant:rows [[select customer_id as id from payment_profile
    where status = 'ACTIVE' and expiry_date < current_date order by expiry_date desc limit 10]]
  if #rows == 0 then return end
  local total = pg.tenant:one([[select count(*) as n from payment_profile
    where status = 'ACTIVE' and expiry_date < current_date]]).n
  findings.add(
    found,
    "note",
    "payment_profile",
    ("%d payment methods have expired"):format(total),
    "customers " .. findings.ids(rows),
    { say = "customers update them in the self-care portal: https://" .. tenant.domain }
  )
end

-- ---- webhooks ----

-- Without a cluster nobody knows what an onboarding would mend.
local function mend_of(tenant, no_cluster)
  local ingress = naming.resource(tenant, "ingress")
  local look = remedy.kubectl(tenant, ("get ingress %s -o yaml"):format(ingress))
  if no_cluster then return { say = "mend the cluster first", look = look } end
  return {
    say = "if the ingress differs from the tenant file, or the payment gateway is not deployed",
    mend = remedy.onboard(
      tenant,
      ("k8s.object %s/Ingress/%s"):format(tenant.namespace, ingress),
      "helm.release " .. naming.resource(tenant, "payment-gateway")
    ),
    look = look,
  }
end

-- A GET changes nothing; a working receiver rejects it (405, or a missing signature).
local function reachable(found, path, tenant, no_cluster)
  local url = ("https://api.%s%s"):format(tenant.domain, path)
  local ok, response = pcall(http.request, { url = url, timeout = 10, once = true })
  if ok and response.status ~= 404 and response.status < 500 then return end
  findings.add(
    found,
    "critical",
    "payment-gateway",
    "the webhook URL does not respond",
    ("GET %s: %s"):format(url, ok and "HTTP " .. response.status or tostring(response)),
    mend_of(tenant, no_cluster)
  )
end

local function webhook(found, tenant, item, facts)
  local with_database = facts.database
  local wanted = item.attributes and item.attributes.webhookurl
  if not wanted then return end
  local row = with_database
    and pg.tenant:one(
      "select webhookurl from core_config.payment_gateway_attributes where id = $1 and index = $2",
      tenant.id,
      item.index
    )
  if with_database and (not row or row.webhookurl ~= wanted) then
    findings.add(
      found,
      "warning",
      item.name,
      "the webhook is not configured",
      ("payment_gateway_attributes has %s, the tenant file %s"):format(row and row.webhookurl or "nothing", wanted),
      {
        mend = remedy.onboard(
          tenant,
          remedy.row(tenant, "core_config.payment_gateway_attributes", "id", tenant.id, "index", item.index)
        ),
      }
    )
  end
  local path = wanted:match "^https://[^/]+(/.*)$"
  if path then reachable(found, path, tenant, facts.no_cluster) end
end

--- Runs the checks of this chapter.
---@param found table of findings.new
---@param tenant table
---@param facts table of pods.facts
function M.run(found, tenant, facts)
  local fix = { look = remedy.psql(tenant.database, "select 1") }
  for _, fn in ipairs(facts.database and { failed, stuck, expired } or {}) do
    findings.check(found, "payment", fix, fn, found, tenant)
  end
  for _, item in ipairs(facts.maintenance and {} or tenant.integrations) do
    if item.type == "PAYMENT_GATEWAY" then
      findings.check(found, item.name, fix, webhook, found, tenant, item, facts)
    end
  end
end

return M
