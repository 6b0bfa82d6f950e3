--- 850 decoded values files: encode.

local setting = dofile "bench/yaml/setting.lua"

return {
  title = "850 decoded values files: encode",
  differs = "the floor writes by libyaml's emitter; o2x also quotes what only other parsers would read as "
    .. "another type",
  setup = setting.write,
  contenders = function(state) return setting.contenders(state, "encode") end,
  must = { { "o2x", 1.15, "floor: C with libyaml" } },
}
