-- Which pods mount a volume claim.

local mounted = require "o2x.effects.k8s.mounted"

local function pod(name, claim)
  local volumes = { { name = "tmp", emptyDir = {} }, claim and { persistentVolumeClaim = { claimName = claim } } }
  return { metadata = { name = name }, spec = { volumes = volumes } }
end

local function ctx_of(pods)
  return {
    client = function()
      return { list = function() return pods end }
    end,
  }
end

local CLAIM <const> = { kind = "PersistentVolumeClaim", name = "data", namespace = "default" }

describe("a volume claim", function()
  local CASES <const> = {
    { "without pods", {}, CLAIM, nil },
    { "of others", { pod("a", "other"), pod("b") }, CLAIM, nil },
    { "of one pod", { pod("b", "data"), pod("a", "other") }, CLAIM, "^pods mount it: b; take back" },
    {
      "of many",
      { pod("e", "data"), pod("d", "data"), pod("c", "data"), pod("b", "data"), pod("a", "data") },
      CLAIM,
      "a, b, c and 2 more;",
    },
    { "that is none", { pod("a", "data") }, { kind = "ConfigMap", name = "data" }, nil },
    { "of a pod without volumes", { { metadata = { name = "a" }, spec = {} } }, CLAIM, nil },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function()
      local why = mounted.why(ctx_of(case[2]), case[3])
      if not case[4] then return assert.is_nil(why) end
      assert.matches(case[4], why)
    end)
  end
end)
