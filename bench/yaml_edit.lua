--- 850 values files: set one value, every other byte kept.

local setting = dofile "bench/yaml/setting.lua"

return {
  title = "850 values files: set one value, every other byte kept",
  differs = "the floor trusts its edit; o2x reads the changed line again, and checks all keys",
  setup = setting.write,
  contenders = function(state) return setting.contenders(state, "edit") end,
  must = { { "o2x", 1.5, "floor: C with libyaml" } },
}
