-- The removal of bench/flush.lua by o2x: the effect of cache-clear, through the gate. Arguments: URL PREFIX.

package.path = "./?.lua;" .. package.path

local gate = require "tests.support.gate"

local url, prefix = arg[2], arg[3]
local api, run = gate.run {
  mode = "apply",
  module = "redis",
  config = { redis = { url = url } },
  scope = { redis = { prefix } },
}
print((api.clear(prefix)))
run.close()
