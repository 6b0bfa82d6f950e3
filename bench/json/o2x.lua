-- The work of bench/json*.lua by o2x. Arguments: decode|encode FILE TIMES, as of the floor.

local json = require "o2x.base.json"
local task = require "o2x.base.task"

local mode, path, times = table.unpack(arg, 2)
local file = assert(io.open(path))
local text = file:read "a"
file:close()
local value = mode == "encode" and json.decode(text, path)
local total = 0
local start = task.now()
for _ = 1, tonumber(times) do
  if mode == "encode" then
    total = total + #json.encode(value)
  else
    json.decode(text, path)
  end
end
print(("bytes: %d\nfigure: %.6f"):format(total, task.now() - start))
