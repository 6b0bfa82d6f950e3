--- A list of pods is encoded.

local setting = dofile "bench/json/setting.lua"

return {
  title = "A list of pods of 2 MB: encode, 20 times",
  differs = "the floor has only doubles, checks nothing, and its keys are in any order; o2x sorts them",
  setup = setting.write,
  contenders = function(state) return setting.contenders(state, "encode") end,
  must = { { "o2x", 1.5, "floor: C with cJSON" } },
}
