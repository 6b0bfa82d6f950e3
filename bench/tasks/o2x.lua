--- The tasks of bench/tasks.lua by o2x: build/o2x-dev bench/tasks/o2x.lua URL TASKS ROUND_TRIPS
local http = require "o2x.client.http"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local _, url, tasks, trips = ...
local token, scope, good = secret.new("0123456789", "token"), { "127.0.0.1" }, 0

local function work()
  for _ = 1, tonumber(trips) do
    local response = http.request {
      url = url,
      token = token,
      headers = { Accept = "application/json" },
      scope = scope,
      module = "bench",
    }
    if response.status == 200 then good = good + 1 end
  end
end

local list = {}
for i = 1, tonumber(tasks) do
  list[i] = i
end
task.each(list, work)
assert(good == #list * tonumber(trips))
print(good .. " answers")
return 0
