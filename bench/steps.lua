--- Long runs: each step and each effect costs the same, however many there were before it.

local setting = dofile "bench/steps/setting.lua"

return {
  title = "Runbooks of 10,000 steps, and of 25,000 and 100,000 effects that find nothing to do",
  rounds = 3,
  differs = "the platform is one of plain files",
  setup = setting.new,
  teardown = function(toy) toy:__close() end,
  contenders = function(toy)
    local list = {}
    for _, case in ipairs {
      { "2,500 steps", "steps", 2500 },
      { "10,000 steps", "steps", 10000 },
      { "25,000 effects", "effects", 25000 },
      { "100,000 effects", "effects", 100000 },
    } do
      list[#list + 1] = {
        name = case[1],
        argv = setting.argv(toy, case[2], case[3]),
        env = toy.env,
        before = function() toy:reset() end,
      }
    end
    return list
  end,
  must = {
    { "10,000 steps", 4.4, "2,500 steps" },
    { "100,000 effects", 4.4, "25,000 effects" },
  },
}
