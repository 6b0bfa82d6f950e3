-- A lab that was killed came back without its services' database: PostgreSQL still had its port, so another one was
-- given out for it, and every login was refused.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

describe("a lab that was killed", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("comes back whole: a tenant is smoked green", function()
    ok(lab:o2x { "run", "onboard", "newclient" })
    local before = lab:snapshot "coredb-newclient"
    lab:out("kill", "-9", tostring(json.decode(fs.read(lab.dir .. "/lab.json")).pid))
    eventually("its end", function() return lab:o2x({ "lab", "status" }).code == 1 end)
    ok(lab:o2x { "lab", "up" })
    for name, value in pairs(json.decode(lab:o2x({ "lab", "env", "--json" }).stdout)) do
      lab.env[name] = value
    end
    assert.equal(before, lab:snapshot "coredb-newclient")
    ok(lab:o2x { "run", "smoke", "newclient" })
  end)
end)
