-- helm writes that a release's old revision is superseded before it writes that the new one is deployed. A helm that
-- died in between leaves no revision that is deployed; o2x took such a release for one that was never deployed and
-- uninstalled it, a service that was running. Found by o2x prove.

local rollback = require "o2x.effects.helm.rollback"

local function history(...)
  local list = {}
  for i, status in ipairs { ... } do
    list[i] = { revision = i, status = status }
  end
  return list
end

describe("the revision to which a release that was left pending goes back", function()
  it("is the one that helm had superseded already", function()
    assert.equal(1, rollback.newest_good(history("superseded", "pending-upgrade")))
    assert.equal(2, rollback.newest_good(history("superseded", "superseded", "failed", "pending-rollback")))
  end)

  it(
    "is the one that is deployed",
    function() assert.equal(2, rollback.newest_good(history("superseded", "deployed", "pending-upgrade"))) end
  )

  it("is none where none ever was deployed", function()
    assert.is_nil(rollback.newest_good(history "pending-install"))
    assert.is_nil(rollback.newest_good(history("failed", "pending-upgrade")))
  end)
end)
