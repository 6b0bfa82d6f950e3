--- What 16 releases shall be: their charts are rendered, checked and hashed.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local releases = dofile "bench/render/releases.lua"

local function contender(state, name, mode, before)
  return {
    name = name,
    argv = { "build/o2x-dev", "bench/render/o2x.lua", state, mode },
    before = before,
    check = function(result) assert(result.stdout:find(releases.COUNT .. " releases", 1, true), result.stdout) end,
  }
end

return {
  title = "16 charts rendered with a tenant's values, checked and hashed",
  differs = "the shell only renders; no cluster is asked in either",
  setup = function(folder)
    releases.write(fs.join(folder, "list"))
    return folder
  end,
  contenders = function(state)
    local cache = fs.join(state, "cache")
    local function forget()
      if fs.exists(cache) then fs.remove_tree(cache) end
    end
    local function know()
      local result = proc.run { argv = { "build/o2x-dev", "bench/render/o2x.lua", state, "cold" } }
      assert(result.code == 0, result.stderr)
    end
    return {
      {
        name = "helm template, one after the other",
        argv = { "sh", "bench/render/shell.sh", fs.join(state, "list"), releases.TREE },
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
