--- A handler of a simulator that is out of sorts: it answers some requests as a rule says, then as it should.

local json = require "o2x.base.json"
local moods = require "tests.support.moods"

local M = {}

-- One body for all: Kubernetes reads code and reason, Vault errors, others nothing.
local function body_of(status, rule)
  local mood = moods.of(rule)
  local text = mood.text or "out of sorts"
  return json.encode {
    kind = "Status",
    apiVersion = "v1",
    status = "Failure",
    code = status,
    reason = mood.code,
    message = text,
    errors = { text },
  }
end

--- Puts a mood in front of a handler.
---@param handle function the simulator's handler
---@return function handler
---@return table mood rule, times: how often it shows itself; concerns(req): which requests; done: whether the request
---  takes effect all the same; requests: how many it has seen; retry_after
function M.wrap(handle)
  local mood = { times = 0, requests = 0 }
  local function handler(req)
    if mood.times == 0 and not mood.counts or mood.concerns and not mood.concerns(req) then return handle(req) end
    mood.requests = mood.requests + 1
    if mood.times <= 0 then return handle(req) end
    mood.times = mood.times - 1
    if mood.done then handle(req) end
    if mood.rule == "reset" then return req:drop() end
    local status = moods.of(mood.rule).status
    local headers = { ["Content-Type"] = "application/json", ["Retry-After"] = mood.retry_after }
    return status, headers, body_of(status, mood.rule)
  end
  --- Sets the mood and begins to count.
  function mood.set(fields)
    mood.done, mood.concerns, mood.retry_after = nil, nil, nil
    for name, value in pairs(fields) do
      mood[name] = value
    end
    mood.requests, mood.counts = 0, true
  end
  return handler, mood
end

return M
