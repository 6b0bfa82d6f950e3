--- "Payment Processing Failures" (guide: Troubleshooting 4): payments that failed or are stuck, payment methods that
--- have expired, the way in for webhooks.

local findings = require "stdlib.diagnose.findings"
local http = require "o2x.http"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"

local M = {}

local function list(rows)
  local ids = {}
  for i, row in ipairs(rows) do
    ids[i] = row.id
  end
  return table.concat(ids, ", ")
end

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
    ("%d of the last day's %d payments failed"):format(total.failed, total.all),
    list(rows),
    "kubectl logs deployment/" .. naming.resource(tenant, "payment-gateway") .. " | grep -i error"
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
    ("since %s: %s"):format(total.since, list(rows)),
    ("do webhooks arrive, is queue %s.payment.processing consumed? kubectl logs deployment/%s | grep -i payment"):format(
      tenant.id,
      naming.resource(tenant, "service-payment")
    )
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
    "customers " .. list(rows),
    "the customers bring them up to date in the self-care portal: https://" .. tenant.domain
  )
end

-- ---- webhooks ----

-- A GET changes nothing; a receiver says that it wants a POST (405), or that it wants a signature.
local function reachable(found, path, tenant)
  local url = ("https://api.%s%s"):format(tenant.domain, path)
  local ok, response = pcall(http.request, { url = url, timeout = 10 })
  if ok and response.status ~= 404 and response.status < 500 then return end
  findings.add(
    found,
    "critical",
    "payment-gateway",
    "the webhook's address does not answer as it should",
    ("GET %s: %s"):format(url, ok and "HTTP " .. response.status or tostring(response)),
    ("kubectl get ingress %s -o yaml; o2x plan onboard %s"):format(naming.resource(tenant, "ingress"), tenant.name)
  )
end

local function webhook(found, tenant, item, with_database)
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
      "o2x run onboard " .. tenant.name
    )
  end
  local path = wanted:match "^https://[^/]+(/.*)$"
  if path then reachable(found, path, tenant) end
end

--- Looks at all of it.
---@param found table
---@param tenant table
---@param world table
function M.look(found, tenant, world)
  local mend = "psql -d " .. tenant.database
  for _, fn in ipairs(world.database and { failed, stuck, expired } or {}) do
    findings.look(found, "payment", mend, fn, found, tenant)
  end
  for _, item in ipairs(world.maintenance and {} or tenant.integrations) do
    if item.type == "PAYMENT_GATEWAY" then
      findings.look(found, item.name, mend, webhook, found, tenant, item, world.database)
    end
  end
end

return M
