-- 16 releases whose renderings are kept: nothing but o2x's own work.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local releases = dofile "bench/render/releases.lua"

return function(count)
  local folder = fs.join(count.folder, "render")
  fs.mkdir(folder)
  releases.write(fs.join(folder, "list"))
  local words = { "build/o2x-dev", "bench/render/o2x.lua", folder }
  local cold = proc.run { argv = { words[1], words[2], words[3], "cold" } }
  assert(cold.code == 0, cold.stderr)
  words[4] = "warm"
  return {
    ["all kept, children"] = count.calls(words).children,
    ["all kept, instructions"] = count.instructions(words),
  }
end
