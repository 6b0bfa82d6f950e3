local ahead = require "o2x.effects.k8s.ahead"
local json = require "o2x.base.json"

local TARGET <const> = { kind = "Deployment", name = "web", namespace = "default" }

local function written(kind, value, places, target)
  local of = { places = places }
  for name, part in pairs(target or TARGET) do
    of[name] = part
  end
  return { kind = kind, value = value, target = of }
end

local function context(list)
  return { written_ahead = function() return list end }
end

local NOTE <const> = { ["metadata.note"] = { "metadata", "note" } }
local COUNT <const> = { ["spec.replicas"] = { "spec", "replicas" } }
local OTHER <const> = { kind = "Deployment", name = "other", namespace = "default" }

local function deployment(note, replicas)
  return { metadata = { name = "web", note = note }, spec = { replicas = replicas, image = "a" } }
end

describe("an object in a plan", function()
  local CASES <const> = {
    { "has fields that were set", { written("k8s.fields", { ["metadata.note"] = "b" }, NOTE) }, deployment("b", 2) },
    {
      "has not what was removed",
      { written("k8s.fields", { ["metadata.note"] = json.null }, NOTE) },
      deployment(nil, 2),
    },
    { "has its new number of replicas", { written("k8s.replicas", 0) }, deployment("a", 0) },
    {
      "has what was set last",
      { written("k8s.replicas", 0), written("k8s.fields", { ["spec.replicas"] = 3 }, COUNT) },
      deployment("a", 3),
    },
    {
      "has nothing of what came before it was written as a whole",
      { written("k8s.replicas", 0), written("k8s.object", deployment("a", 2)) },
      deployment("a", 2),
    },
    { "is gone when it was removed", { written("k8s.object", nil) }, nil },
    { "has nothing of another one", { written("k8s.replicas", 0, nil, OTHER) }, deployment("a", 2) },
  }

  for _, case in ipairs(CASES) do
    it(case[1], function()
      local current = deployment("a", 2)
      assert.same(case[3], ahead.object(context(case[2]), TARGET, current))
      assert.same(deployment("a", 2), current) -- what was read is as it was
    end)
  end
end)

describe("fields of an object in a plan", function()
  local both = { kind = "Deployment", name = "web", namespace = "default", places = {} }
  both.places["metadata.note"], both.places["spec.replicas"] = NOTE["metadata.note"], COUNT["spec.replicas"]
  local function fields(note, replicas) return { ["metadata.note"] = note, ["spec.replicas"] = replicas } end

  it("are those that were set, by whatever effect", function()
    local list = { written("k8s.fields", { ["metadata.note"] = "b" }, NOTE), written("k8s.replicas", 0) }
    assert.same(fields("b", 0), ahead.fields(context(list), both, fields("a", 2)))
    assert.same(fields("a", 2), ahead.fields(context {}, both, fields("a", 2)))
  end)

  it("are those of an object that the plan makes", function()
    local list = { written("k8s.object", deployment(nil, 4)) }
    assert.same(fields(json.null, 4), ahead.fields(context(list), both, nil))
    assert.equal(4, ahead.replicas(context(list), TARGET, nil))
  end)

  it("are gone with the object", function()
    local list = { written("k8s.object", nil) }
    assert.is_nil(ahead.fields(context(list), both, fields("a", 2)))
    assert.is_nil(ahead.replicas(context(list), TARGET, 2))
    assert.is_nil(ahead.fields(context {}, both, nil))
  end)
end)
