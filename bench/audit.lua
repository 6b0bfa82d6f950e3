--- o2x audit --all over 250 and over 1,000 tenants that were never onboarded, beside the lab's two healthy ones.

local audits = require "tests.support.audits"
local build = require "tests.support.build"
local fs = require "o2x.base.fs"

local FEW <const>, MANY <const> = 250, 1000

local function write(lab, from, to)
  local folder = fs.join(lab.env.O2X_PLATFORM, "tenants")
  local text = fs.read(fs.join(folder, "newclient.yaml"))
  for i = from, to do
    local name = ("many-%d"):format(i)
    fs.write(fs.join(folder, name .. ".yaml"), (text:gsub("newclient", name)))
  end
end

local function remove(lab, from, to)
  for i = from, to do
    local path = fs.join(lab.env.O2X_PLATFORM, "tenants", ("many-%d.yaml"):format(i))
    if fs.exists(path) then fs.remove(path) end
  end
end

-- Exit code 2: there are findings, one a tenant.
local function contender(lab, count)
  return {
    name = ("%d tenants"):format(count),
    argv = { "sh", "-c", '"$1" audit --all --quiet >/dev/null; test $? -eq 2', "sh", build.o2x },
    env = lab.env,
    before = function()
      write(lab, 1, count)
      remove(lab, count + 1, MANY)
    end,
  }
end

return {
  title = "an audit of all tenants: 250, 1,000",
  rounds = 3,
  differs = "nothing but the number of tenants: time grows with it, peak memory should grow by the reports alone",
  setup = function() return audits.healthy { "newclient", "demo" } end,
  teardown = function(lab) lab:stop() end,
  contenders = function(lab) return { contender(lab, FEW), contender(lab, MANY) } end,
}
