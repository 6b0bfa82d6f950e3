--- Faults by request: what goes wrong on the wire, in front of every simulator.
---
---     o2x lab fault vault 429                 the next request is answered 429 and has no effect
---     o2x lab fault k8s drop-after times=3    three requests take effect, their answers are lost
---     o2x lab fault aws timeout match=GetChange
---     o2x lab fault vault sealed              the simulator's own fault (its `fault` function)
---     o2x lab fault vault off                 no more faults there

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local task = require "o2x.base.task"

local M = {}

local LONG = 600 -- seconds; longer than any client's patience

local REASONS <const> = {
  [401] = "Unauthorized",
  [403] = "Forbidden",
  [404] = "NotFound",
  [409] = "Conflict",
  [410] = "Expired",
  [429] = "TooManyRequests",
  [500] = "InternalError",
  [503] = "ServiceUnavailable",
  [504] = "Timeout",
}

local XML <const> = "<ErrorResponse><Error><Type>Receiver</Type><Code>%s</Code><Message>injected by the lab</Message>"
  .. "</Error><RequestId>lab</RequestId></ErrorResponse>"

-- One body that Kubernetes' clients, Vault's and people understand; AWS's want XML.
local function answer(service, status)
  local reason = REASONS[status] or "InternalError"
  local headers = { ["Content-Type"] = "application/json" }
  if status == 429 or status == 503 then headers["Retry-After"] = "1" end
  if service == "aws" then
    headers["Content-Type"] = "text/xml"
    return status, headers, XML:format(status == 429 and "Throttling" or reason)
  end
  return status,
    headers,
    json.encode {
      kind = "Status",
      apiVersion = "v1",
      status = "Failure",
      code = status,
      reason = reason,
      message = "injected by the lab",
      errors = { "injected by the lab" },
    }
end

-- What each kind does with a request. `handle` is the simulator.
local KINDS = {
  ["timeout"] = function(_, handle, req) -- the effect, then silence: the client cannot know
    handle(req)
    task.sleep(LONG)
    req:drop()
  end,
  ["hang"] = function(_, _, req) -- silence, and no effect
    task.sleep(LONG)
    req:drop()
  end,
  ["drop"] = function(_, _, req) req:drop() end,
  ["drop-after"] = function(_, handle, req)
    handle(req)
    if not req.taken then req:drop() end
  end,
  ["slow"] = function(rule, handle, req)
    task.sleep(tonumber(rule.seconds) or 2)
    return handle(req)
  end,
}

--- Is that a fault of the wire, which every HTTP simulator has?
---@param kind string
---@return boolean
function M.known(kind) return KINDS[kind] ~= nil or kind:find("^[45]%d%d$") ~= nil end

--- The rules in force, which outlive the lab's process.
---@param lab table
---@return table[] rules
function M.open(lab)
  local state = lab.state("faults")
  state.rules = json.array(state.rules or {})
  return state.rules
end

--- Adds a rule.
---@param rules table[]
---@param service string
---@param kind string
---@param options { times: string?, match: string?, seconds: string? }
function M.add(rules, service, kind, options)
  local times = tonumber(options.times or 1)
  if not times or times < 1 or times % 1 ~= 0 then
    errors.input(("times=%s is not a number of requests"):format(options.times))
  end
  rules[#rules + 1] = {
    service = service,
    kind = kind,
    times = math.tointeger(times),
    match = options.match,
    seconds = options.seconds,
  }
end

--- Removes a service's rules.
---@param rules table[]
---@param service string
function M.clear(rules, service)
  for i = #rules, 1, -1 do
    if rules[i].service == service then table.remove(rules, i) end
  end
end

-- The first rule that fits, counted down.
local function take(rules, service, req)
  local line = req.method .. " " .. req.target
  for i, rule in ipairs(rules) do
    if
      rule.service == service
      and (not rule.match or line:find(rule.match, 1, true) or (req.body and req.body:find(rule.match, 1, true)))
    then
      rule.times = rule.times - 1
      if rule.times == 0 then table.remove(rules, i) end
      return rule
    end
  end
end

--- A handler behind the injector.
---@param rules table[] the lab's; looked at with every request
---@param service string
---@param handle function a simulator's handler
---@param log fun(text: string)
---@return function
function M.wrap(rules, service, handle, log)
  return function(req)
    local rule = #rules > 0 and take(rules, service, req)
    if not rule then return handle(req) end
    log(("fault %s: %s %s"):format(rule.kind, req.method, req.target))
    local act = KINDS[rule.kind]
    if act then return act(rule, handle, req) end
    return answer(service, math.tointeger(tonumber(rule.kind)))
  end
end

return M
