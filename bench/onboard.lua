--- A fresh onboarding: the guide's own commands, and o2x.

local setting = dofile "bench/onboard/setting.lua"

return {
  title = "Onboarding a tenant of 16 services in a fresh lab",
  rounds = 5,
  differs = setting.DIFFERS
    .. "; the longest path is the database by two psql and one release of each wave: no id, no check, "
    .. "nothing read back",
  setup = setting.start,
  teardown = setting.stop,
  contenders = function(state)
    local list = setting.contenders(state)
    table.insert(list, setting.path(state))
    return list
  end,
  must = { { "o2x", 0.33, "guide's shell" }, { "o2x", 1.15, "longest path of the waves" } },
}
