local rollback = require "o2x.effects.helm.rollback"

local MANIFEST <const> = [[
kind: Deployment
metadata:
  name: x
spec:
  template:
    spec:
      containers:
      - image: %s
]]

-- A release with these revisions: { status, image, description, updated }
local function release(revisions)
  local history = {}
  for i, r in ipairs(revisions) do
    history[#history + 1] = {
      name = "sso",
      revision = revisions.first and revisions.first + i - 1 or i,
      status = r[1],
      description = r[3] or "Upgrade complete",
      updated = r[4] or "2026-02-10T12:00:00Z",
      chart = "sso-1",
      app_version = r[2],
      config = {},
      manifest = MANIFEST:format(r[2]),
      hooks = {},
      labels = {},
    }
  end
  local helm = {
    history = function() return history end,
    status = function(_, _, _, revision)
      for _, record in ipairs(history) do
        if record.revision == revision then return record end
      end
    end,
  }
  local clients = { helm = helm, k8s = { namespace = "prod" } }
  local ctx = {
    mode = "apply",
    client = function(_, name) return clients[name] end,
    retry = function(_, fn, ...) return fn(...) end,
    ask = function(_, _, fn, ...) return fn(...) end,
    log = function() end,
  }
  return rollback.api(ctx, function() end)
end

describe("what a release had before", function()
  local function previous(revisions)
    local found = release(revisions).previous "sso"
    return found and found.revision
  end

  it("is the last good revision of another content", function()
    assert.equal(1, previous { { "superseded", "v1" }, { "deployed", "v2" } })
    assert.equal(1, previous { { "superseded", "v1" }, { "superseded", "v2" }, { "deployed", "v2" } })
  end)

  it(
    "is not one that failed",
    function() assert.equal(1, previous { { "superseded", "v1" }, { "failed", "v2" }, { "deployed", "v3" } }) end
  )

  it("of one that is half deployed is what was there", function()
    assert.equal(2, previous { { "superseded", "v1" }, { "deployed", "v2" }, { "pending-upgrade", "v2" } })
    assert.equal(1, previous { { "deployed", "v1" }, { "failed", "v2" } })
  end)

  it("after going back is what came before that", function()
    local revisions =
      { { "superseded", "v1" }, { "superseded", "v2" }, { "superseded", "v3" }, { "deployed", "v2", "Rollback to 2" } }
    assert.equal(1, previous(revisions))
  end)

  it("after going back to one that helm no longer keeps is what came before that", function()
    local kept = { first = 11, { "superseded", "v1" }, { "superseded", "v2" }, { "deployed", "v3", "Rollback to 2" } }
    assert.equal(12, previous(kept))
  end)

  it("is nothing for a first revision", function() assert.is_nil(previous { { "deployed", "v1" } }) end)
end)

describe("a revision", function()
  local helm = release {
    { "superseded", "v1", nil, "2026-02-01T00:00:00Z" },
    { "failed", "v2", nil, "2026-02-02T00:00:00Z" },
    { "deployed", "v3", nil, "2026-02-03T00:00:00Z" },
  }

  it("is found by its number, with its image", function()
    assert.equal("v2", helm.at("sso", 2).image)
    assert.is_nil(helm.at("sso", 9))
  end)

  it("is found by the time at which it was deployed", function()
    assert.equal(1, helm.before("sso", 1770076800 - 1).revision) -- just before 3 February: the second one failed
    assert.equal(3, helm.before("sso", 1770076800).revision)
    assert.is_nil(helm.before("sso", 0))
  end)

  it("has the values that it was given", function() assert.same({}, helm.values(helm.at("sso", 1))) end)
end)
