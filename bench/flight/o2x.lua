--- The requests of bench/flight.lua by o2x: build/o2x-dev bench/flight/o2x.lua URL COUNT IN_FLIGHT
local http = require "o2x.client.http"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local _, url, count, in_flight = ...
local token, scope, good = secret.new("0123456789", "token"), { "127.0.0.1" }, 0

local function ask()
  local response = http.request {
    url = url,
    token = token,
    headers = { Accept = "application/json" },
    scope = scope,
    module = "bench",
  }
  if response.status == 200 then good = good + 1 end
end

local list = {}
for i = 1, tonumber(count) do
  list[i] = i
end
task.each(list, ask, { limit = tonumber(in_flight) })
assert(good == #list)
print(good .. " answers")
return 0
