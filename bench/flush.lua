--- A tenant's keys are removed from a Redis that others use.

local setting = dofile "bench/flush/setting.lua"

return {
  title = "Removing 100,000 of 1,000,000 keys from Redis",
  rounds = 5,
  differs = setting.DIFFERS,
  setup = setting.start,
  teardown = setting.stop,
  contenders = function(state) return setting.contenders(state, "time") end,
  must = { { "o2x", 1.25, "floor: SCAN 1000 and UNLINK in C" } },
}
