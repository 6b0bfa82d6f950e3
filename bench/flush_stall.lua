--- How long other clients wait while a tenant's keys are removed from their Redis.

local setting = dofile "bench/flush/setting.lua"

local function contenders(state)
  local list = setting.contenders(state, "stall")
  local function idle(name, figure)
    return { name = name, argv = { "build/bench/stall", state.port, figure, "sleep", "1" }, versions = "" }
  end
  table.insert(list, 1, idle("nobody", "stall"))
  table.insert(list, 2, idle("nobody, and 5 ms", "stall+5"))
  return list
end

return {
  title = "The longest wait of a client that sends a PING each millisecond, while 100,000 of 1,000,000 keys go",
  rounds = 5,
  differs = setting.DIFFERS,
  setup = setting.start,
  teardown = setting.stop,
  contenders = contenders,
  must = { { "o2x", 1, "nobody, and 5 ms" } },
}
