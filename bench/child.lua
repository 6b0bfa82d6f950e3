--- Children, one after the other: start, both outputs, exit code.

local COUNT <const>, PROGRAM <const> = 300, "/bin/true"

local function check(result) assert(result.stdout:find(COUNT .. " children", 1, true), result.stdout) end

return {
  title = ("%d times %s"):format(COUNT, PROGRAM),
  differs = "o2x's children have a process group, die with it, and get no descriptors or signals of it",
  contenders = function()
    local words = { tostring(COUNT), PROGRAM }
    return {
      { name = "floor: posix_spawn", argv = { "build/bench/child", table.unpack(words) }, check = check },
      { name = "o2x", argv = { "build/o2x-dev", "bench/child/o2x.lua", table.unpack(words) }, check = check },
    }
  end,
  must = { { "o2x", 2, "floor: posix_spawn" } },
}
