--- The fault injector in front of every HTTP simulator:
---
---     o2x lab fault vault 429                 the next request gets 429 and has no effect
---     o2x lab fault k8s drop-after times=3    three requests take effect, their responses are lost
---     o2x lab fault aws timeout match=GetChange
---     o2x lab fault k8s truncated nth=3       the third request from now on gets half of its answer
---     o2x lab fault vault sealed              a fault of the simulator itself (its `fault` function)
---     o2x lab fault vault off                 clears the faults of Vault

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local task = require "o2x.base.task"

local M = {}

local SILENCE = 600 -- seconds; longer than any client's timeout
local DOWN <const> = 1 -- seconds without a listener
local DELIVERY <const> = 0.05 -- seconds until a client has what was written

local REASONS <const> = {
  [401] = "Unauthorized",
  [403] = "Forbidden",
  [404] = "NotFound",
  [409] = "Conflict",
  [410] = "Expired",
  [412] = "PreconditionFailed",
  [429] = "TooManyRequests",
  [500] = "InternalError",
  [503] = "ServiceUnavailable",
  [504] = "Timeout",
}

local XML <const> = "<ErrorResponse><Error><Type>Receiver</Type><Code>%s</Code><Message>injected by the lab</Message>"
  .. "</Error><RequestId>lab</RequestId></ErrorResponse>"

-- One JSON body serves the clients of Kubernetes and Vault; those of AWS need XML.
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

-- What each kind does with a request. `handle` is the simulator's handler, `restart(seconds)` stops the server for that
-- long: it ends this handler too.
local KINDS = {
  ["timeout"] = function(_, handle, req) -- the effect, then no response: the client cannot know
    handle(req)
    task.sleep(SILENCE)
    req:drop()
  end,
  ["hang"] = function(_, _, req) -- no effect and no response
    task.sleep(SILENCE)
    req:drop()
  end,
  ["drop"] = function(_, _, req) req:drop() end,
  ["drop-after"] = function(_, handle, req)
    handle(req)
    if not req.taken then req:drop() end
  end,
  ["truncated"] = function(_, handle, req) -- the effect, then half of the answer
    local status, headers, body = handle(req)
    if req.taken then return end
    if body and body ~= "" then
      req:stream(status, headers):write(body:sub(1, #body // 2))
      task.sleep(DELIVERY)
    end
    req:drop()
  end,
  ["refused"] = function(rule, _, _, restart) -- no effect, and nothing listens for a while
    restart(tonumber(rule.seconds) or DOWN)
    task.sleep(SILENCE)
  end,
  ["restart"] = function(_, _, _, restart) -- no effect; all connections break, and the server is back at once
    restart(0)
    task.sleep(SILENCE)
  end,
  ["slow"] = function(rule, handle, req)
    task.sleep(tonumber(rule.seconds) or 2)
    return handle(req)
  end,
}

--- Whether the injector has this kind of fault; other kinds are the simulators' own.
---@param kind string
---@return boolean
function M.has(kind) return KINDS[kind] ~= nil or kind:find("^[45]%d%d$") ~= nil end

--- The active rules, as they are kept in the lab's state.
---@param lab table
---@return table[] rules
function M.open(lab)
  local state = lab.state("faults")
  state.rules = json.array(state.rules or {})
  return state.rules
end

local function number_of(options, name)
  local number = tonumber(options[name] or 1)
  if not number or number < 1 or number % 1 ~= 0 then
    errors.input(("%s=%s: not a number of requests"):format(name, options[name]), ("for example %s=3"):format(name))
  end
  return math.tointeger(number)
end

--- Adds a rule.
---@param rules table[]
---@param service string
---@param kind string
---@param options { times: string?, nth: string?, match: string?, seconds: string? } nth: the first request that gets
---  it, counted from now on; 1 if absent
function M.add(rules, service, kind, options)
  rules[#rules + 1] = {
    service = service,
    kind = kind,
    times = number_of(options, "times"),
    nth = number_of(options, "nth"),
    match = options.match,
    seconds = options.seconds,
  }
end

--- Removes the rules of a service.
---@param rules table[]
---@param service string
function M.clear(rules, service)
  for i = #rules, 1, -1 do
    if rules[i].service == service then table.remove(rules, i) end
  end
end

--- Removes all rules.
---@param rules table[]
function M.clear_all(rules)
  for i = #rules, 1, -1 do
    rules[i] = nil
  end
end

local function matches(rule, service, line, body)
  if rule.service ~= service then return false end
  return not rule.match or line:find(rule.match, 1, true) or body and body:find(rule.match, 1, true)
end

--- The first rule for a request, whose remaining count is decremented. Each rule counts the requests that it matches.
---@param rules table[]
---@param service string
---@param line string what the request says first
---@param body string?
---@return table? rule
function M.take(rules, service, line, body)
  local found
  for _, rule in ipairs(rules) do
    if matches(rule, service, line, body) then
      if (rule.nth or 1) > 1 then
        rule.nth = rule.nth - 1
      else
        found = found or rule
      end
    end
  end
  if not found then return nil end
  found.times = found.times - 1
  for i, rule in ipairs(found.times == 0 and rules or {}) do
    if rule == found then table.remove(rules, i) end
  end
  return found
end

--- Puts the injector in front of a handler.
---@param rules table[] the active rules; read at every request
---@param service string
---@param handle function a simulator's handler
---@param log fun(text: string)
---@param restart fun(seconds: number)? stops the server and starts it again
---@return function
function M.wrap(rules, service, handle, log, restart)
  return function(req)
    local rule = #rules > 0 and M.take(rules, service, req.method .. " " .. req.target, req.body)
    if not rule then return handle(req) end
    log(("fault %s: %s %s"):format(rule.kind, req.method, req.target))
    local act = KINDS[rule.kind]
    if act then return act(rule, handle, req, restart) end
    return answer(service, math.tointeger(tonumber(rule.kind)))
  end
end

return M
