--- What is wrong with a tenant? The guide's five troubleshooting chapters as looks that change nothing.

local billing = require "stdlib.diagnose.billing"
local configuration = require "stdlib.diagnose.configuration"
local findings = require "stdlib.diagnose.findings"
local gateways = require "stdlib.diagnose.gateways"
local k8s = require "o2x.k8s"
local latency = require "stdlib.diagnose.latency"
local logs = require "stdlib.diagnose.logs"
local naming = require "stdlib.naming"
local payments = require "stdlib.diagnose.payments"
local pods = require "stdlib.diagnose.pods"
local registry = require "stdlib.registry"

local M = {}

local FOUND = 2 -- exit code when there is a finding

-- Each looks by itself; all but the first two need what those two have seen.
local FIRST = { { "pods", pods.look }, { "configuration", configuration.look } }
local THEN = {
  { "gateways", gateways.look },
  { "latency", latency.look },
  { "payments", payments.look },
  { "billing", billing.look },
  { "logs", logs.look },
}

local function chapters(list, tenant, world, parts)
  local done = parallel.each(list, function(chapter)
    local found = findings.new()
    found.area = chapter[1]
    chapter[2](found, tenant, world)
    return found
  end)
  for _, found in ipairs(done) do
    parts[#parts + 1] = found
  end
end

-- Without a cluster one can still ask the databases.
local function look_around(tenant, parts)
  local found = findings.new()
  found.area = "cluster"
  parts[#parts + 1] = found
  local world = { pods = {}, deployments = {}, blind = true }
  findings.look(found, "cluster", "kubectl get nodes; is KUBECONFIG right?", function() world = pods.world(tenant) end)
  return world
end

local UNANSWERED = { unreachable = true, unauthorised = true, timeout = true }

--- The tenant's id: the registry's, or when the registry does not answer, which is what one is called for, that which
--- the tenant's services were given.
---@param tenant table
---@return string id
function M.identify(tenant)
  local ok, id = pcall(registry.find, tenant)
  if ok then return id end
  local problem = id
  if type(problem) ~= "table" or not UNANSWERED[problem.kind] then error(problem, 0) end
  local seen, deployments =
    pcall(k8s.list, "Deployment", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })
  for _, deployment in ipairs(seen and deployments or {}) do
    for _, entry in ipairs(deployment.spec.template.spec.containers[1].env or {}) do
      if entry.name == "TENANT_ID" and naming.is_tenant_id(entry.value) then return entry.value end
    end
  end
  error(problem, 0)
end

--- Looks at everything.
---@param tenant table
---@return table[] findings severity, area, subject, finding, evidence, mend; worst first
function M.look(tenant)
  local parts = {}
  local world = look_around(tenant, parts)
  chapters(FIRST, tenant, world, parts)
  chapters(THEN, tenant, world, parts)
  return findings.ranked(parts)
end

--- Gives findings as the run's output and its exit code.
---@param tenant table
---@param rows table[]
function M.tell(tenant, rows)
  output {
    columns = { "severity", "subject", "finding" },
    rows = rows,
    text = findings.text(rows),
    exit = #rows > 0 and FOUND or 0,
  }
  log(("%s: %s"):format(tenant.name, findings.summary(rows)))
end

return M
