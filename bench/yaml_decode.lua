--- 850 values files: read and decode.

local setting = dofile "bench/yaml/setting.lua"

return {
  title = "850 values files: read and decode",
  differs = "the floor knows only the types that the files have, and checks neither keys that are there "
    .. "twice nor limits",
  setup = setting.write,
  contenders = function(state) return setting.contenders(state, "decode") end,
  must = { { "o2x", 1.15, "floor: C with libyaml" } },
}
