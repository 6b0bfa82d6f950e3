--- Tenants by the thousand: selected by a field, listed, and one of them loaded.

local fs = require "o2x.base.fs"
local platform = require "bench.fleet.platform"

local SIZES <const> = { 50, 500, 5000 }

local function lists(count)
  return function(result) assert(select(2, result.stdout:gsub("%-prd ", "")) == count, result.stdout:sub(1, 200)) end
end

return {
  title = "a fleet selected by a field, and list --tenants, among 50, 500 and 5,000 tenants",
  rounds = 3,
  differs = "the files are as long as those of examples/platform; no cluster is there to ask for a status",
  setup = function(folder)
    local folders = {}
    for _, count in ipairs(SIZES) do
      folders[count] = platform(fs.join(folder, tostring(count)), count)
    end
    return folders
  end,
  contenders = function(folders)
    local list = {}
    for _, count in ipairs(SIZES) do
      list[#list + 1] = {
        name = ("select among %d"):format(count),
        argv = { "build/o2x-dev", "bench/fleet/select.lua", folders[count], tostring(count) },
      }
    end
    for _, count in ipairs(SIZES) do
      list[#list + 1] = {
        name = ("list --tenants, %d"):format(count),
        argv = { "sh", "-c", 'cd "$1" && exec "$2" list --tenants', "sh", folders[count], fs.realpath "build/o2x" },
        env = { KUBECONFIG = "/nonexistent" },
        check = lists(count),
      }
    end
    return list
  end,
  must = { { "select among 5000", 12, "select among 500" }, { "list --tenants, 5000", 12, "list --tenants, 500" } },
}
