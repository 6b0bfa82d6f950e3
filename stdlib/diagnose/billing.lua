--- "Billing/Invoice Generation Issues" (guide: Troubleshooting 5): failed and pending bills, the job schedule,
--- invoices without a document, the invoice template.

local clock = require "o2x.clock"
local findings = require "stdlib.diagnose.findings"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local remedy = require "stdlib.remedy"

local M = {}

local DAY = 86400

local function bills(found, tenant)
  local jobs_log = { look = remedy.logs(tenant, "jobs-common", "billing") }
  for _, status in ipairs { "FAILED", "PENDING" } do
    local condition = status == "FAILED" and "created_date > now() - interval '40 days'"
      or "created_date < now() - interval '1 hour'"
    local rows = pg.tenant:rows(
      ("select id from bill where status = $1 and %s order by created_date desc limit 10"):format(condition),
      status
    )
    if #rows > 0 then
      findings.add(
        found,
        "critical",
        "bill",
        status == "FAILED" and "bills have failed" or "bills have been PENDING for more than an hour",
        findings.ids(rows),
        jobs_log
      )
    end
  end
end

-- ---- jobs ----

-- Approximate days between two runs of a cron expression: precise enough to notice missed runs.
local function period(cron)
  local minute, hour, day, month, weekday = cron:match "^(%S+)%s+(%S+)%s+(%S+)%s+(%S+)%s+(%S+)$"
  if not minute then return nil end
  if month ~= "*" then return 366 end
  if day ~= "*" and not day:find "[/,]" then return 31 end
  if weekday ~= "*" and not weekday:find "[/,-]" then return 7 end
  return hour ~= "*" and 1 or 1 / 24
end

-- The guide triggers the billing job from inside the cluster.
local function trigger(tenant)
  local url = ("http://%s:8080/api/jobs/billing/trigger"):format(naming.resource(tenant, "jobs-common"))
  return {
    say = ("from a pod of the cluster: curl -X POST -H 'X-Tenant-ID: %s' %s"):format(tenant.id, url),
    look = remedy.logs(tenant, "jobs-common", "billing"),
  }
end

local function overdue(found, tenant, job)
  local days = job.last and period(job.cron)
  if not days then return end
  local late = (clock.now() - job.last) / DAY - days
  if late > math.max(days * 0.5, 1 / 24) then
    findings.add(
      found,
      "critical",
      "job_schedule",
      ("job %s missed its schedule"):format(job.job_type),
      ("last run %s, schedule %s"):format(job.last_run, job.cron),
      job.job_type == "BILLING" and trigger(tenant) or { look = remedy.logs(tenant, "jobs-common", job.job_type) }
    )
  end
end

local function paused(found, tenant, job)
  local update = "update job_schedule set status = 'ACTIVE' where tenant_id = %s and job_type = %s"
  findings.add(
    found,
    "warning",
    "job_schedule",
    ("job %s is %s"):format(job.job_type, job.status),
    "schedule " .. job.cron,
    { mend = remedy.psql(tenant.database, update:format(remedy.literal(tenant.id), remedy.literal(job.job_type))) }
  )
end

local function jobs(found, tenant)
  local rows = pg.tenant:rows(
    [[select job_type, cron, status, last_run::text as last_run,
      case when isfinite(last_run) then extract(epoch from last_run)::bigint end as last
    from job_schedule where tenant_id = $1 order by job_type]],
    tenant.id
  )
  for _, job in ipairs(rows) do
    if job.status == "ACTIVE" then
      overdue(found, tenant, job)
    else
      paused(found, tenant, job)
    end
  end
  -- A new tenant has neither jobs nor bills. One with bills has lost its schedule.
  local insert = "insert into job_schedule (tenant_id, job_type, cron) values (%s, 'BILLING', '0 2 1 * *')"
  if #rows == 0 and pg.tenant:one("select 1 as found from bill where tenant_id = $1 limit 1", tenant.id) then
    findings.add(
      found,
      "critical",
      "job_schedule",
      "no job is scheduled",
      "no row for " .. tenant.id,
      { mend = remedy.psql(tenant.database, insert:format(remedy.literal(tenant.id))) }
    )
  end
end

-- ---- invoices ----

local function invoices(found, tenant)
  local rows = pg.tenant:rows [[select id from invoice
    where coalesce(pdf_url, '') = '' and invoice_date < current_date - 1
    order by invoice_date desc limit 10]]
  if #rows > 0 then
    findings.add(found, "warning", "invoice", "invoices have no document", findings.ids(rows), {
      look = ("%s; aws s3 ls s3://%s/%s/invoices/"):format(
        remedy.logs(tenant, "service-invoice", "error"),
        tenant.data_bucket,
        tenant.id
      ),
    })
  end
end

-- A tenant whose file wants none has that of its services.
local function template(found, tenant)
  local wanted = tenant.invoice_template
  if not wanted then return end
  local row = pg.tenant:one(
    [[select max(length(template_html)) as length from core_config.invoice_template
    where tenant_id = $1]],
    tenant.id
  )
  if row and row.length and row.length > 0 then return end
  findings.add(
    found,
    "critical",
    "core_config.invoice_template",
    "there is no invoice template",
    "no row for " .. tenant.id,
    {
      mend = remedy.onboard(
        tenant,
        remedy.row(tenant, "core_config.invoice_template", "tenant_id", tenant.id, "template_name", wanted.name)
      ),
    }
  )
end

--- Runs the checks of this chapter.
---@param found table of findings.new
---@param tenant table
---@param facts table of pods.facts
function M.run(found, tenant, facts)
  if not facts.database then return end
  for subject, fn in pairs { bill = bills, job_schedule = jobs, invoice = invoices, invoice_template = template } do
    findings.check(found, subject, { look = remedy.psql(tenant.database, "select 1") }, fn, found, tenant)
  end
end

return M
