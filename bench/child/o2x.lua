--- The children of bench/child.lua by o2x: build/o2x-dev bench/child/o2x.lua COUNT PROGRAM [ARGUMENT ...]
local proc = require "o2x.base.proc"

local words = { ... }
local count = tonumber(words[2])
local argv = table.move(words, 3, #words, 1, {})
for _ = 1, count do
  assert(proc.run({ argv = argv }).code == 0)
end
print(count .. " children")
return 0
