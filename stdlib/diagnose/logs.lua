--- What the services' logs say (all five chapters of the guide's Troubleshooting look there): known troubles by name,
--- other errors by number.

local catalogue = require "stdlib.catalogue"
local clock = require "o2x.clock"
local findings = require "stdlib.diagnose.findings"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"

local M = {}

local TAIL = 300
local RECENT = 6 * 3600 -- seconds; what is older has been seen, or is over

-- The first that fits is told. Patterns are those of Lua, on the line in lower case.
local KNOWN = {
  {
    "hikaripool.*not available",
    "critical",
    "no free database connection",
    "look for slow queries; raise the pool's size in the values file",
  },
  { "password authentication failed", "critical", "the database refuses the log-in", "check secret pg-secret" },
  {
    "too many connections",
    "critical",
    "the database has no connection left",
    "psql -c 'select * from pg_stat_activity'",
  },
  { "outofmemoryerror", "critical", "Java runs out of memory", "raise resources.limits.memory in its values file" },
  { "vault.*denied", "critical", "Vault refuses the service", "check secret app-vault-token" },
  {
    "token expired",
    "critical",
    "a provider says that the token has expired",
    "renew the token in Vault, restart the gateway",
  },
  {
    "invalid credentials",
    "critical",
    "a provider refuses the credentials",
    "correct the credentials in Vault, restart the gateway",
  },
  {
    "401 unauthorized",
    "critical",
    "a provider refuses the credentials",
    "correct the credentials in Vault, restart the gateway",
  },
  { "s3.*denied", "critical", "S3 refuses the service", "check the bucket policy and the IAM role" },
  { "accessdenied", "critical", "S3 refuses the service", "check the bucket policy and the IAM role" },
  { "s3.*fail", "critical", "uploads to S3 fail", "check the bucket policy and the IAM role" },
  { "template.*not found", "critical", "a template is missing", "check core_config.invoice_template" },
  { "payment.*fail", "warning", "payments fail", "look at payment and at the payment gateway" },
  { "bill.*fail", "warning", "billing fails", "look at bill and at job_schedule" },
  { "pdf.*fail", "warning", "invoice documents fail", "look at the template and at S3" },
}

local function is_recent(line)
  local stamp = line:match "^(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z)" or line:match '"timestamp":%s*"([^"]+)"'
  local ok, time = pcall(clock.parse, stamp)
  return not stamp or not ok or clock.now() - time < RECENT
end

local function is_error(line)
  return (line:find "%f[%u]ERROR%f[^%u]" or line:find "%f[%u]FATAL%f[^%u]") and is_recent(line)
end

local function known_trouble(line)
  local lower = line:lower()
  for _, trouble in ipairs(KNOWN) do
    if lower:find(trouble[1]) then return trouble end
  end
end

-- One finding a trouble and service, however many lines and pods tell it.
local function tell(found, tenant, service, seen)
  local mend = "kubectl logs deployment/" .. naming.resource(tenant, service) .. " --since=6h | grep ERROR"
  for _, trouble in ipairs(seen.order) do
    findings.add(
      found,
      trouble[2],
      service,
      "its log says: " .. trouble[3],
      seen.lines[trouble[3]],
      trouble[4] .. "; " .. mend
    )
  end
  if seen.others > 0 then
    findings.add(found, "warning", service, ("its log has %d errors"):format(seen.others), seen.last, mend)
  end
end

local function note(seen, line)
  local trouble = known_trouble(line)
  if not trouble then
    seen.others, seen.last = seen.others + 1, line
    return
  end
  if not seen.lines[trouble[3]] then table.insert(seen.order, trouble) end
  seen.lines[trouble[3]] = line
end

local function of_service(found, tenant, service, world)
  local seen = { order = {}, lines = {}, others = 0 }
  for _, pod in ipairs(world.pods) do
    if (pod.metadata.labels or {}).app == naming.resource(tenant, service) and pod.status.phase == "Running" then
      local ok, text = pcall(k8s.logs, pod.metadata.name, { tail = TAIL, namespace = pod.metadata.namespace })
      local known = {}
      for line in (ok and text or ""):gmatch "[^\n]+" do
        if is_error(line) and not known[line] and not seen[line] then
          known[line] = true
          note(seen, line)
        end
      end
      for line in pairs(known) do
        seen[line] = true
      end
    end
  end
  tell(found, tenant, service, seen)
end

-- Of a service that crashes the log is evidence already.
local function crashes(tenant, service, world)
  for _, pod in ipairs(world.pods) do
    if (pod.metadata.labels or {}).app == naming.resource(tenant, service) then
      for _, status in ipairs(pod.status.containerStatuses or {}) do
        if status.state and status.state.waiting then return true end
      end
    end
  end
end

--- Looks at all of them.
---@param found table
---@param tenant table
---@param world table
function M.look(found, tenant, world)
  parallel.each(catalogue.names(), function(service)
    if crashes(tenant, service, world) then return end
    findings.look(
      found,
      service,
      "kubectl logs deployment/" .. naming.resource(tenant, service),
      of_service,
      found,
      tenant,
      service,
      world
    )
  end, { limit = 4 })
end

return M
