--- What is wrong with a tenant? The guide's five troubleshooting chapters as checks that change nothing.

local billing = require "stdlib.diagnose.billing"
local configuration = require "stdlib.diagnose.configuration"
local findings = require "stdlib.diagnose.findings"
local gateways = require "stdlib.diagnose.gateways"
local latency = require "stdlib.diagnose.latency"
local logs = require "stdlib.diagnose.logs"
local names = require "stdlib.diagnose.names"
local payments = require "stdlib.diagnose.payments"
local pods = require "stdlib.diagnose.pods"
local registry = require "stdlib.registry"
local remedy = require "stdlib.remedy"

local M = {}

local FOUND <const> = 2 -- exit code with findings

-- The second group uses facts that the first one has gathered.
local FIRST = { { "pods", pods.run }, { "configuration", configuration.run }, { "names", names.run } }
local SECOND = {
  { "gateways", gateways.run },
  { "latency", latency.run },
  { "payments", payments.run },
  { "billing", billing.run },
  { "logs", logs.run },
}

local function run_chapters(list, tenant, facts, parts)
  local results = parallel.each(list, function(chapter)
    local found = findings.new()
    found.area, found.restore = chapter[1], remedy.restore(tenant)
    chapter[2](found, tenant, facts)
    return found
  end)
  for _, found in ipairs(results) do
    parts[#parts + 1] = found
  end
end

-- Without the cluster, databases and Vault can still be checked.
local function gather_facts(tenant, parts)
  local found = findings.new()
  found.area = "cluster"
  parts[#parts + 1] = found
  local facts = { pods = {}, deployments = {}, no_cluster = true }
  findings.check(
    found,
    "cluster",
    { say = "check KUBECONFIG", look = "kubectl cluster-info" },
    function() facts = pods.facts(tenant) end
  )
  return facts
end

local UNANSWERED = { unreachable = true, unauthorised = true, timeout = true }

--- The tenant's id, from the registry. If the registry does not answer, from the environment of the tenant's services.
--- Raises the registry's error if neither has it.
---@param tenant table
---@return string id
function M.identify(tenant)
  local ok, id = pcall(registry.find, tenant)
  if ok then return id end
  local problem = id
  if type(problem) ~= "table" or not UNANSWERED[problem.kind] then error(problem, 0) end
  return registry.from_services(tenant) or error(problem, 0)
end

--- Runs all checks.
---@param tenant table with its id
---@return table[] rows severity, area, subject, finding, evidence, fix; worst first
function M.run(tenant)
  local parts = {}
  local facts = gather_facts(tenant, parts)
  if facts.by_hand then tenant = remedy.of_hand(tenant) end
  run_chapters(FIRST, tenant, facts, parts)
  run_chapters(SECOND, tenant, facts, parts)
  local rows = findings.ranked(parts)
  findings.secrets_first(rows, remedy.onboard(tenant))
  if facts.maintenance then findings.wait_for_maintenance(rows, remedy.run(tenant, "maintenance", "mode=off", true)) end
  return rows
end

--- Outputs the findings. The run's exit code is 2 if there are any.
---@param tenant table
---@param rows table[] of M.run
function M.report(tenant, rows)
  output {
    columns = { "severity", "subject", "finding" },
    rows = rows,
    text = findings.text(rows),
    exit = #rows > 0 and FOUND or 0,
  }
  log(("%s: %s"):format(tenant.name, findings.summary(rows)))
end

return M
