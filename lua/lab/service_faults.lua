--- What goes wrong with a tenant's services on request, and what they then say in their logs:
---
---     o2x lab fault ingress unhealthy match=newclient-service-billing[:redis]   health is DOWN (because of redis)
---     o2x lab fault ingress rejected match=newclient-payment-gateway            the provider refuses its credentials
---     o2x lab fault ingress exhausted match=newclient-service-billing           no free database connection
---     o2x lab fault ingress sluggish match=newclient-service-proxy              answers take seconds
---     o2x lab fault ingress failing match=newclient-service-proxy               many requests end with 500
---     o2x lab fault ingress deaf match=newclient-payment-gateway                its webhooks are not there
---     o2x lab fault ingress says match='newclient-jobs-common:ERROR text'       a line in its log
---     o2x lab fault ingress off                                                 all of it is over, the lines are gone

local json = require("o2x.base.json")

local M = {}

local MOST_LINES <const> = 50

local KINDS <const> =
  { unhealthy = true, rejected = true, exhausted = true, sluggish = true, failing = true, deaf = true }

local POOL <const> = "HikariPool-1 - Connection is not available, request timed out after 30000ms."

--- Lets a service say something in its log.
---@param lab table
---@param service string
---@param level string "ERROR"
---@param logger string
---@param message string
function M.say(lab, service, level, logger, message)
  local logs = lab.state("service_logs")
  logs[service] = json.array(logs[service] or {})
  if #logs[service] >= MOST_LINES then table.remove(logs[service], 1) end
  table.insert(logs[service], { at = lab.clock(), level = level, logger = logger, message = message })
  lab.save("service_logs")
end

--- What a service has said beyond its start.
---@param lab table
---@param service string
---@return { at: number, level: string, logger: string, message: string }[]
function M.lines(lab, service) return lab.state("service_logs")[service] or {} end

--- Is a service's fault in force? Gives what was said after its name, "" if nothing.
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
  if kind == "exhausted" then M.say(lab, service, "ERROR", "com.zaxxer.hikari.pool.HikariPool", POOL) end
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

--- Brings a fault about.
---@param lab table
---@param kind string
---@param options {match: string?}
---@return boolean known
function M.set(lab, kind, options)
  local service, detail = (options.match or ""):match("^([^:]+):?(.*)$")
  if kind == "off" then
    clear(lab)
  elseif kind == "says" and service and detail ~= "" then
    local level, text = detail:match("^(%u+) (.*)$")
    M.say(lab, service, level or "ERROR", "com.embrix.Service", text or detail)
  elseif KINDS[kind] and service then
    set(lab, kind, service, detail)
  else
    return false
  end
  return true
end

return M
