--- A fresh onboarding: the guide's own commands, and o2x.

local setting = dofile "bench/onboard/setting.lua"

return {
  title = "Onboarding a tenant of 16 services in a fresh lab",
  rounds = 5,
  differs = setting.DIFFERS,
  setup = setting.start,
  teardown = setting.stop,
  contenders = function(state) return setting.contenders(state) end,
  must = { { "o2x", 0.33, "guide's shell" } },
}
