--- The requests of bench/http.lua by o2x: build/o2x-dev bench/http/o2x.lua URL COUNT
local http = require "o2x.client.http"
local secret = require "o2x.base.secret"

local _, url, count = ...
local token, bytes = secret.new("0123456789", "token"), 0
local scope = { "127.0.0.1" }
for _ = 1, tonumber(count) do
  local response = http.request {
    url = url,
    token = token,
    headers = { Accept = "application/json" },
    scope = scope,
    module = "bench",
  }
  assert(response.status == 200)
  bytes = bytes + #response.body
end
print(("%d answers, %d bytes"):format(count, bytes))
return 0
