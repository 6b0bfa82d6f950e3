--- What 16 releases shall be: their charts are rendered, checked and hashed.

local fs = require "o2x.base.fs"

local TENANT <const>, COUNT <const> = "urbanos", 16
local TREE <const> = "examples/platform"

-- The charts of the platform with the tenant's values: "name chart values", one a line.
local function list()
  local lines = {}
  for _, folder in ipairs(fs.list(TREE)) do
    local values = fs.join(TREE, folder, "helm_values", TENANT)
    for _, file in ipairs(fs.exists(values) and fs.list(values) or {}) do
      local service = file:match "^(.*)%.yaml$"
      local chart = service and fs.join(folder, "charts", service)
      if chart and fs.exists(fs.join(TREE, chart)) then
        lines[#lines + 1] = ("%s-%s %s %s/helm_values/%s/%s"):format(TENANT, service, chart, folder, TENANT, file)
      end
    end
  end
  assert(#lines == COUNT, #lines .. " charts")
  return table.concat(lines, "\n") .. "\n"
end

local function contender(state, name, mode, before)
  return {
    name = name,
    argv = { "build/o2x-dev", "bench/render/o2x.lua", state, mode },
    before = before,
    check = function(result) assert(result.stdout:find(COUNT .. " releases", 1, true), result.stdout) end,
  }
end

return {
  title = "16 charts rendered with a tenant's values, checked and hashed",
  differs = "the shell only renders; no cluster is asked in either",
  setup = function(folder)
    fs.write(fs.join(folder, "list"), list())
    return folder
  end,
  contenders = function(state)
    local cache = fs.join(state, "cache")
    local function forget()
      if fs.exists(cache) then fs.remove_tree(cache) end
    end
    local function know()
      local proc = require "o2x.base.proc"
      local result = proc.run { argv = { "build/o2x-dev", "bench/render/o2x.lua", state, "cold" } }
      assert(result.code == 0, result.stderr)
    end
    return {
      {
        name = "helm template, one after the other",
        argv = { "sh", "bench/render/shell.sh", fs.join(state, "list"), TREE },
        check = function(result) assert(#result.stdout > 10000, result.stdout) end,
      },
      contender(state, "o2x, nothing kept", "cold", forget),
      contender(state, "o2x, all kept", "warm", know),
    }
  end,
  must = {
    { "o2x, nothing kept", 1.0, "helm template, one after the other" },
    { "o2x, all kept", 0.1, "helm template, one after the other" },
  },
}
