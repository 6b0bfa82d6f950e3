--- A fresh onboarding without the time in which helm runs.

local setting = dofile "bench/onboard/setting.lua"

return {
  title = "Onboarding a tenant, the time in which no helm process runs",
  rounds = 5,
  differs = setting.DIFFERS,
  setup = setting.start,
  teardown = setting.stop,
  contenders = function(state)
    return setting.contenders(state, function(wall)
      local _, helm = setting.helm(state)
      return wall - helm
    end)
  end,
  must = { { "o2x", 0.083, "guide's shell" } },
}
