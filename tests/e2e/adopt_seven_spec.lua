-- The seven tenants of the guide, made by hand and different: each is adopted, then there is nothing to do for it, and
-- it is green or red for a true reason.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

-- Those whose smoke test is green, and the checks that are not, where it is not.
local SEVEN <const> = {
  { "coopeg-prd" },
  { "coopeg-sbx" },
  { "coopegenergy", "All pods are running and healthy" },
  { "demo" },
  { "dev" },
  { "shm" },
  { "urbanos", "Admin user can log in" },
}

describe("tenants made by hand", function()
  local lab
  setup(function() lab = labs.start { tenants = "all" } end)
  teardown(function() lab:stop() end)

  for _, entry in ipairs(SEVEN) do
    local name, red = table.unpack(entry)

    it(name .. " is adopted, and then there is nothing to do", function()
      local path = fs.join(lab.platform, "tenants", name .. ".yaml")
      local before = lab:names("deployments,services,ingresses,pvc,configmaps", "-A")
      local adopt = lab:o2x { "adopt", name }
      assert.truthy(adopt.code == 0 or adopt.code == 2, adopt.stdout .. adopt.stderr)
      assert.equal(before, lab:names("deployments,services,ingresses,pvc,configmaps", "-A"))
      assert.is_true(fs.exists(path))
      local plan = lab:o2x { "plan", "onboard", name, "--detailed-exitcode" }
      assert.equal(0, plan.code, plan.stdout .. plan.stderr)
      local again = fs.read(path)
      lab:o2x { "adopt", name }
      assert.equal(again, fs.read(path))
    end)

    it(name .. " is " .. (red and "red for a true reason" or "green"), function()
      local smoke = lab:o2x { "smoke", name, "--json" }
      assert.equal(red and 1 or 0, smoke.code, smoke.stderr)
      local found
      for _, row in ipairs(json.decode(smoke.stdout).result) do
        found = found or not row.ok and row.check or nil
      end
      assert.equal(red, found)
      if red then return end
      local audit = lab:o2x { "audit", name }
      assert.equal(0, audit.code, audit.stdout)
    end)
  end
end)
