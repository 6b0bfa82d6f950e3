-- What the server fills in belongs to whoever created the object: an audit of tenants that people made, and that were
-- taken under care, called that added by people.

local audits = require "tests.support.audits"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

describe("an audit of tenants that were adopted", function()
  local lab
  setup(function() lab = labs.start { tenants = "demo,shm" } end)
  teardown(function() lab:stop() end)

  it("finds nothing in them", function()
    for _, name in ipairs { "demo", "shm" } do
      ok(lab:o2x { "adopt", name })
      assert.same({}, audits.audit(lab, name)[1].findings)
    end
  end)
end)
