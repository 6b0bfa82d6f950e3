-- Prints what o2x check must know of each function of each api, as a Lua module. The Makefile runs it by
-- host/tool/run.c, so that a check needs not read the sources of the apis: PATH is where Lua finds them.
--
--   run scripts/api_index.lua PATH

package.path = ...

local reference = require "o2x.script.reference"

local function sorted(t)
  local keys = {}
  for key in pairs(t) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

print "return {"
for _, name in ipairs(reference.names()) do
  print(("%s = { effect = %q, functions = {"):format(name, reference.effect(name) or false))
  local functions = reference.of(name)
  for _, key in ipairs(sorted(functions)) do
    local entry = functions[key]
    print(("[%q] = { writes = %s, method = %s },"):format(key, entry.writes, entry.method))
  end
  print "} },"
end
print "}"
