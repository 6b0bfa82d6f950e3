-- The work of bench/yaml*.lua by o2x. Arguments: decode|encode|change|edit FOLDER COUNT PATH VALUE, as of the floor.

local helm_values = require "o2x.client.helm.values"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local mode, folder, count, path, value = table.unpack(arg, 2)
local total = 0

local function name(i, extension) return folder .. "/" .. i .. extension end

local function read(i)
  local file = assert(io.open(name(i, ".yaml")))
  local text = file:read "a"
  file:close()
  return text
end

local function write(i, text)
  local file = assert(io.open(name(i, ".out"), "w"))
  file:write(text)
  file:close()
end

local function change(values)
  local target, keys = values, {}
  for key in path:gmatch "[^.]+" do
    keys[#keys + 1] = key
  end
  for i = 1, #keys - 1 do
    target = target[keys[i]]
  end
  target[keys[#keys]] = value
end

local decoded = {}

local work = {
  decode = function(i) yaml.decode(read(i), "values.yaml") end,
  encode = function(i) total = total + #yaml.encode(decoded[i]) end,
  change = function(i)
    local values = yaml.decode(read(i), "values.yaml")
    change(values)
    write(i, yaml.encode(values))
  end,
  edit = function(i) write(i, helm_values.parse(read(i), "values.yaml"):set(path, value):text()) end,
}

for i = 1, mode == "encode" and tonumber(count) or 0 do
  decoded[i] = yaml.decode(read(i), "values.yaml")
end
local start = task.now()
for i = 1, tonumber(count) do
  work[mode](i)
end
print(("bytes: %d\nfigure: %.6f"):format(total, task.now() - start))
