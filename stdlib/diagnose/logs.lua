--- Errors in the services' logs, which all five chapters of the guide's Troubleshooting read: known problems by name,
--- other errors by count.

local catalogue = require "stdlib.catalogue"
local clock = require "o2x.clock"
local findings = require "stdlib.diagnose.findings"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local remedy = require "stdlib.remedy"

local M = {}

local TAIL <const> = 300 -- lines of each pod
local RECENT <const> = 6 * 3600 -- seconds; older errors are ignored

-- Lua pattern on the line in lower case, severity, finding, fix. The first match counts.
local KNOWN = {
  {
    "hikaripool.*not available",
    "critical",
    "no free database connection",
    "check for slow queries; raise the pool size in the values file",
  },
  { "password authentication failed", "critical", "the database rejects the login", "check secret pg-secret" },
  {
    "too many connections",
    "critical",
    "the database has no connections left",
    "close sessions, or raise the limit: select * from pg_stat_activity shows them",
  },
  { "outofmemoryerror", "critical", "Java is out of memory", "raise resources.limits.memory in its values file" },
  { "vault.*denied", "critical", "Vault denies access", "check secret app-vault-token" },
  {
    "token expired",
    "critical",
    "a provider reports that the token has expired",
    "renew the token in Vault, restart the gateway",
  },
  {
    "invalid credentials",
    "critical",
    "a provider rejects the credentials",
    "correct the credentials in Vault, restart the gateway",
  },
  {
    "401 unauthorized",
    "critical",
    "a provider rejects the credentials",
    "correct the credentials in Vault, restart the gateway",
  },
  { "s3.*denied", "critical", "S3 denies access", "check the bucket policy and the IAM role" },
  { "accessdenied", "critical", "S3 denies access", "check the bucket policy and the IAM role" },
  { "s3.*fail", "critical", "uploads to S3 fail", "check the bucket policy and the IAM role" },
  { "template.*not found", "critical", "a template is missing", "check core_config.invoice_template" },
  { "payment.*fail", "warning", "payments fail", "check table payment and the payment gateway" },
  { "bill.*fail", "warning", "billing fails", "check tables bill and job_schedule" },
  { "pdf.*fail", "warning", "invoice documents fail", "check the template and S3" },
}

local function is_recent(line)
  local stamp = line:match "^(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z)" or line:match '"timestamp":%s*"([^"]+)"'
  local ok, time = pcall(clock.parse, stamp)
  return not stamp or not ok or clock.now() - time < RECENT
end

local function is_error(line)
  return (line:find "%f[%u]ERROR%f[^%u]" or line:find "%f[%u]FATAL%f[^%u]") and is_recent(line)
end

local function known_problem(line)
  local lower = line:lower()
  for _, problem in ipairs(KNOWN) do
    if lower:find(problem[1]) then return problem end
  end
end

-- One finding per problem and service, however many lines and pods have it.
local function report(found, tenant, service, seen)
  local look = remedy.logs(tenant, service, "error")
  for _, problem in ipairs(seen.order) do
    findings.add(
      found,
      problem[2],
      service,
      "its log reports: " .. problem[3],
      seen.lines[problem[3]],
      { say = problem[4], look = look }
    )
  end
  if seen.others > 0 then
    findings.add(found, "warning", service, ("its log has %d errors"):format(seen.others), seen.last, { look = look })
  end
end

local function collect(seen, line)
  local problem = known_problem(line)
  if not problem then
    seen.others, seen.last = seen.others + 1, line
    return
  end
  if not seen.lines[problem[3]] then table.insert(seen.order, problem) end
  seen.lines[problem[3]] = line
end

local function of_service(found, tenant, service, facts)
  local seen = { order = {}, lines = {}, others = 0 }
  for _, pod in ipairs(facts.pods) do
    if (pod.metadata.labels or {}).app == naming.resource(tenant, service) and pod.status.phase == "Running" then
      local ok, text = pcall(k8s.logs, pod.metadata.name, { tail = TAIL, namespace = pod.metadata.namespace })
      local known = {}
      for line in (ok and text or ""):gmatch "[^\n]+" do
        if is_error(line) and not known[line] and not seen[line] then
          known[line] = true
          collect(seen, line)
        end
      end
      for line in pairs(known) do
        seen[line] = true
      end
    end
  end
  report(found, tenant, service, seen)
end

-- The log of a crashing service is already the evidence of that finding.
local function crashes(tenant, service, facts)
  for _, pod in ipairs(facts.pods) do
    if (pod.metadata.labels or {}).app == naming.resource(tenant, service) then
      for _, status in ipairs(pod.status.containerStatuses or {}) do
        if status.state and status.state.waiting then return true end
      end
    end
  end
end

--- Reads the logs of all services.
---@param found table of findings.new
---@param tenant table
---@param facts table of pods.facts
function M.run(found, tenant, facts)
  parallel.each(catalogue.names(), function(service)
    if crashes(tenant, service, facts) then return end
    findings.check(found, service, { look = remedy.logs(tenant, service) }, of_service, found, tenant, service, facts)
  end, { limit = 4 })
end

return M
