local folder = require "tests.support.folder"
local listing = require "o2x.engine.listing"

describe("what is unfinished", function()
  it("has a run over several tenants instead of its runs, all in the order in which they began", function()
    local place <close> = folder {
      ["fleets/F-20260210-120002-0001.json"] = [[{ "id": "F-20260210-120002-0001", "runbook": "build",
        "tenants": ["a", "b"], "status": "failed", "params": {} }]],
    }
    local function run(second, tenant, fleet)
      local id = ("R-20260210-12000%d-0001"):format(second)
      return { id = id, tenant = tenant, runbook = "build", status = "failed", begun = true, fleet = fleet }
    end
    local list = { run(1, "c"), run(3, "a", "F-20260210-120002-0001"), run(4, "d") }
    local store = { folder = place.path, list = function() return list end }
    function store:unfinished() return list end
    local ids = {}
    for i, one in ipairs(listing.unfinished(store)) do
      ids[i] = one.id
    end
    assert.same({ "R-20260210-120001-0001", "F-20260210-120002-0001", "R-20260210-120004-0001" }, ids)
  end)
end)
