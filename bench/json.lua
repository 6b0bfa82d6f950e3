--- A list of pods is decoded.

local setting = dofile "bench/json/setting.lua"

return {
  title = "A list of pods of 2 MB: decode, 20 times",
  differs = "the floor has only doubles, no limits, no places in errors, and texts that end at a NUL",
  setup = setting.write,
  contenders = function(state) return setting.contenders(state, "decode") end,
  must = { { "o2x", 1.5, "floor: C with cJSON" } },
}
