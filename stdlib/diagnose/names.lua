--- Do the tenant's names lead to the load balancer, on every name server? (guide: 6.2)

local dns = require "o2x.dns"
local findings = require "stdlib.diagnose.findings"
local ingress = require "stdlib.ingress"
local remedy = require "stdlib.remedy"

local M = {}

local ANSWER <const> = 15 -- seconds for the name servers of one name

local function name(found, tenant, host, target)
  for server, values in pairs(dns.authoritative(host, "CNAME")) do
    if values[1] ~= target then
      findings.add(
        found,
        "critical",
        host,
        values[1] and "it leads elsewhere" or "there is no such name",
        ("name server %s returns %s, not %s"):format(server, values[1] or "nothing", target),
        { mend = remedy[values[1] and "overwrite" or "onboard"](tenant, ("dns.record %s CNAME"):format(host)) }
      )
    end
  end
end

local function look(host) return { say = "mend the name server", look = ("dig %s CNAME"):format(host) } end

--- Runs the checks of this chapter.
---@param found table findings
---@param tenant table
function M.run(found, tenant)
  local service, target = tenant.platform.kubernetes.ingress_service, nil
  findings.check(
    found,
    "service " .. service.name,
    { look = ("kubectl get svc -n %s %s"):format(service.namespace, service.name) },
    function() target = ingress.load_balancer(tenant) end
  )
  if not target then return end
  for _, host in ipairs { tenant.domain, "api." .. tenant.domain } do
    findings.check(found, host, look(host), timeout, ANSWER, name, found, tenant, host, target)
  end
end

return M
