--- What is wrong with a tenant? The guide's five troubleshooting chapters as looks that change nothing.

local billing = require "stdlib.diagnose.billing"
local configuration = require "stdlib.diagnose.configuration"
local findings = require "stdlib.diagnose.findings"
local gateways = require "stdlib.diagnose.gateways"
local latency = require "stdlib.diagnose.latency"
local logs = require "stdlib.diagnose.logs"
local payments = require "stdlib.diagnose.payments"
local pods = require "stdlib.diagnose.pods"

local M = {}

local FOUND = 2 -- exit code when there is a finding

-- Each looks by itself; all but the first two need what those two have seen.
local FIRST = { { "pods", pods.look }, { "configuration", configuration.look } }
local THEN = {
  { "gateways", gateways.look }, { "latency", latency.look }, { "payments", payments.look },
  { "billing", billing.look }, { "logs", logs.look },
}

local function chapters(list, tenant, world, parts)
  local done = parallel.each(list, function(chapter)
    local found = findings.new()
    found.area = chapter[1]
    findings.look(found, chapter[1], "o2x run diagnose " .. tenant.name, chapter[2], found, tenant, world)
    return found
  end)
  for _, found in ipairs(done) do parts[#parts + 1] = found end
end

-- Without a cluster one can still ask the databases.
local function look_around(tenant, parts)
  local found = findings.new()
  found.area = "cluster"
  parts[#parts + 1] = found
  local ok, world = pcall(pods.world, tenant)
  if ok then return world end
  findings.add(found, "critical", "cluster", "cannot be looked at", world, "kubectl get nodes; is KUBECONFIG right?")
end

--- Looks at everything.
---@param tenant table
---@return table[] findings severity, area, subject, finding, evidence, mend; worst first
function M.look(tenant)
  local parts = {}
  local world = look_around(tenant, parts)
  local blind = not world
  world = world or { pods = {}, deployments = {} }
  if blind then
    chapters({ FIRST[2] }, tenant, world, parts)
    chapters({ THEN[3], THEN[4] }, tenant, world, parts)
  else
    chapters(FIRST, tenant, world, parts)
    chapters(THEN, tenant, world, parts)
  end
  return findings.ranked(parts)
end

--- Gives findings as the run's output and its exit code.
---@param tenant table
---@param rows table[]
function M.tell(tenant, rows)
  output {
    columns = { "severity", "subject", "finding" }, rows = rows, text = findings.text(rows),
    exit = #rows > 0 and FOUND or 0,
  }
  log(("%s: %s"):format(tenant.name, findings.summary(rows)))
end

return M
