--- 850 values files: parse, change a value, write.

local setting = dofile "bench/yaml/setting.lua"

return {
  title = "850 values files: parse, change a value, write",
  differs = "the floor knows only the types that the files have, and checks neither keys that are there "
    .. "twice nor limits; it writes by libyaml's emitter",
  setup = setting.write,
  contenders = function(state) return setting.contenders(state, "change") end,
  must = { { "o2x", 1.15, "floor: C with libyaml" } },
}
