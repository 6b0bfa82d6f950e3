-- A name server that fails was no finding: diagnose never asked one.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("diagnose", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  for _, fault in ipairs { { "servfail", "SERVFAIL" }, { "silent", "no answer in time" } } do
    it("says that the name server fails: " .. fault[1], function()
      lab:o2x { "lab", "fault", "dns", fault[1], "times=1000" }
      local result = lab:o2x { "diagnose", "urbanos", "--json" }
      lab:o2x { "lab", "fault", "dns", "off" }
      assert.equal(2, result.code, result.stderr)
      local rows = json.decode(result.stdout).result
      assert.equal(2, #rows, result.stdout)
      for i, host in ipairs { "urbanos.embrix.com", "api.urbanos.embrix.com" } do
        assert.same({ "critical", "names", host }, { rows[i].severity, rows[i].area, rows[i].subject })
        assert.matches(fault[2], rows[i].evidence, 1, true)
        assert.equal(("dig %s CNAME"):format(host), rows[i].look)
      end
    end)
  end
end)
