--- Faults of the tenants' services, and the log lines that come with them. All are set at the ingress:
---
---     o2x lab fault ingress unhealthy match=newclient-service-billing[:redis]    health is DOWN (because of redis)
---     o2x lab fault ingress bad-credentials match=newclient-payment-gateway      the provider refuses the credentials
---     o2x lab fault ingress pool-exhausted match=newclient-service-billing       no free database connection
---     o2x lab fault ingress high-latency match=newclient-service-proxy           responses take seconds
---     o2x lab fault ingress http-errors match=newclient-service-proxy            many responses are 500
---     o2x lab fault ingress no-webhooks match=newclient-payment-gateway          webhooks are not found
---     o2x lab fault ingress log-line match='newclient-jobs-common:ERROR text'    a line in the log
---     o2x lab fault ingress off                                                  clears the faults and the lines

local json = require("o2x.base.json")

local M = {}

local MAX_LINES <const> = 50

local KINDS <const> = {
  ["unhealthy"] = true,
  ["bad-credentials"] = true,
  ["pool-exhausted"] = true,
  ["high-latency"] = true,
  ["http-errors"] = true,
  ["no-webhooks"] = true,
}

local POOL <const> = "HikariPool-1 - Connection is not available, request timed out after 30000ms."

--- Adds a line to a service's log.
---@param lab table
---@param service string
---@param level string "ERROR"
---@param logger string
---@param message string
function M.log(lab, service, level, logger, message)
  local logs = lab.state("service_logs")
  logs[service] = json.array(logs[service] or {})
  if #logs[service] >= MAX_LINES then table.remove(logs[service], 1) end
  table.insert(logs[service], { at = lab.clock(), level = level, logger = logger, message = message })
  lab.save("service_logs")
end

--- The lines that were added to a service's log.
---@param lab table
---@param service string
---@return { at: number, level: string, logger: string, message: string }[]
function M.lines(lab, service) return lab.state("service_logs")[service] or {} end

--- A service's active fault: the text after the service's name ("" if there is none); nil if it is not active.
---@param lab table
---@param service string
---@param kind string
---@return string|nil
function M.of(lab, service, kind)
  local faults = lab.state("service_faults")[service]
  return faults and faults[kind]
end

local function set(lab, kind, service, detail)
  local faults = lab.state("service_faults")
  faults[service] = faults[service] or {}
  faults[service][kind] = detail
  lab.save("service_faults")
  if kind == "pool-exhausted" then M.log(lab, service, "ERROR", "com.zaxxer.hikari.pool.HikariPool", POOL) end
end

local function clear(lab)
  for _, name in ipairs({ "service_faults", "service_logs" }) do
    local state = lab.state(name)
    for service in pairs(state) do
      state[service] = nil
    end
    lab.save(name)
  end
end

--- Sets or clears faults.
---@param lab table
---@param kind string one of the above
---@param options {match: string?} SERVICE or SERVICE:DETAIL
---@return boolean known false: there is no such kind, or no service is given
function M.set(lab, kind, options)
  local service, detail = (options.match or ""):match("^([^:]+):?(.*)$")
  if kind == "off" then
    clear(lab)
  elseif kind == "log-line" and service and detail ~= "" then
    local level, text = detail:match("^(%u+) (.*)$")
    M.log(lab, service, level or "ERROR", "com.embrix.Service", text or detail)
  elseif KINDS[kind] and service then
    set(lab, kind, service, detail)
  else
    return false
  end
  return true
end

return M
