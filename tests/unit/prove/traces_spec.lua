local traces = require "o2x.prove.traces"
local verdict = require "o2x.prove.verdict"

local function deployment(generation, managers)
  local item = { ["metadata.generation"] = generation, ["spec.replicas"] = "2", ["metadata.labels.tier"] = "core" }
  for i, name in ipairs(managers) do
    item[("metadata.managedFields.%d.manager"):format(i)] = name
    item[("metadata.managedFields.%d.fieldsV1.f:spec"):format(i)] = "{}"
  end
  return item
end

local function with(item, more)
  local copy = {}
  for _, each in ipairs { item, more } do
    for path, text in pairs(each) do
      copy[path] = text
    end
  end
  return copy
end

local SET <const> = "ReplicaSet default/x-HASH"

local function set(replicas, generation, image)
  return { ["spec.replicas"] = replicas, ["metadata.generation"] = generation, image = image }
end

local function revision(number, image, status)
  return {
    version = tostring(number),
    manifest = image,
    ["info.status"] = status,
    ["info.description"] = "no " .. number,
  }
end

local function history(...)
  local items = {}
  for number, one in ipairs { ... } do
    items[("release default/x revision %d"):format(number)] = revision(number, one[1], one[2])
  end
  return { helm = items }
end

local OLD <const> = { k8s = { ["Deployment default/x"] = deployment("1", { "helm" }), [SET] = set("2", "2", "old") } }
local NEW <const> = {
  k8s = {
    ["Deployment default/x"] = with(deployment("2", { "helm", "o2x" }), { ["spec.replicas"] = "3" }),
    [SET] = set("3", "3", "new"),
  },
}

local function markers(...)
  return { postgres = { ["db rows o2x.effect"] = { ["row MARKER.key"] = table.concat({ ... }, "\n") } } }
end

-- Name → the state before, after the run, after the undo; the differences that count, or none.
local CASES <const> = {
  ["counters of an object that the run changed"] = {
    OLD,
    NEW,
    { k8s = { ["Deployment default/x"] = deployment("3", { "helm", "o2x" }), [SET] = set("2", "5", "old") } },
  },
  ["the old set of pods beside the one that is back"] = {
    OLD,
    NEW,
    {
      k8s = {
        ["Deployment default/x"] = deployment("3", { "helm" }),
        [SET] = set("0", "6", "new"),
        [SET .. " (other 2)"] = set("2", "5", "old"),
      },
    },
  },
  ["a set of pods that still has some"] = {
    OLD,
    NEW,
    {
      k8s = {
        ["Deployment default/x"] = deployment("3", { "helm" }),
        [SET] = set("1", "6", "new"),
        [SET .. " (other 2)"] = set("2", "5", "old"),
      },
    },
    "ReplicaSet default/x-HASH: there, should be missing",
  },
  ["a label that is forgotten"] = {
    OLD,
    NEW,
    {
      k8s = {
        ["Deployment default/x"] = with(deployment("3", { "helm" }), { ["metadata.labels.tier"] = "other" }),
        [SET] = set("2", "5", "old"),
      },
    },
    "metadata.labels.tier: other, should be core",
  },
  ["a manager of fields that is lost"] = {
    OLD,
    NEW,
    { k8s = { ["Deployment default/x"] = deployment("3", { "o2x" }), [SET] = set("2", "5", "old") } },
    "metadata.managedFields",
  },
  ["a counter of an object that the run did not change"] = {
    OLD,
    OLD,
    { k8s = { ["Deployment default/x"] = deployment("2", { "helm" }), [SET] = set("2", "2", "old") } },
    "metadata.generation: 2, should be 1",
  },
  ["more revisions of a release, the newest as the newest was"] = {
    history { "old", "deployed" },
    history({ "old", "superseded" }, { "new", "deployed" }),
    history({ "old", "superseded" }, { "new", "superseded" }, { "old", "deployed" }),
  },
  ["a release that is not rolled back"] = {
    history { "old", "deployed" },
    history({ "old", "superseded" }, { "new", "deployed" }),
    history({ "old", "superseded" }, { "new", "deployed" }),
    "manifest: new, should be old",
  },
  ["a release whose newest revision failed"] = {
    history { "old", "deployed" },
    history({ "old", "superseded" }, { "new", "deployed" }),
    history({ "old", "superseded" }, { "new", "superseded" }, { "old", "failed" }),
    "info.status: failed, should be deployed",
  },
  ["a revision that is gone from the history"] = {
    history({ "older", "superseded" }, { "old", "deployed" }),
    history({ "older", "superseded" }, { "old", "superseded" }, { "new", "deployed" }),
    { helm = { ["release default/x revision 4"] = revision(4, "old", "deployed") } },
    "revision 1: missing, should be there",
  },
  ["a release that stays, though it was new"] = {
    {},
    history { "new", "deployed" },
    history { "new", "deployed" },
    "revision 1: there, should be missing",
  },
  ["a silence that is over"] = {
    { alerts = {} },
    { alerts = { ["silence []"] = { comment = "c" } } },
    { alerts = { ["silence []"] = { comment = "c", over = "true" } } },
  },
  ["a silence that goes on"] = {
    { alerts = {} },
    { alerts = { ["silence []"] = { comment = "c" } } },
    { alerts = { ["silence []"] = { comment = "c" } } },
    "should be missing",
  },
  ["markers, which are never given again"] = { markers "a", markers("a", "b"), markers("a", "b", "c") },
  ["a marker that is gone"] = { markers("a", "b"), markers("a", "b", "c"), markers("a", "c"), "should be" },
  ["a row"] = {
    { postgres = { ["db rows public.t"] = {} } },
    { postgres = { ["db rows public.t"] = { ["row 1.name"] = "x" } } },
    { postgres = { ["db rows public.t"] = { ["row 1.name"] = "x" } } },
    "row 1.name: x, should be missing",
  },
}

-- The items in which two states differ: what a lab answers with.
local function unlike(one, other)
  local before, now = {}, {}
  for part in pairs(with(one, other)) do
    local old, new = one[part] or {}, other[part] or {}
    before[part], now[part] = {}, {}
    for name in pairs(with(old, new)) do
      if not pcall(assert.same, old[name], new[name]) then
        before[part][name], now[part][name] = old[name], new[name]
      end
    end
  end
  return before, now
end

-- The same, whether everything is looked at or only what differs.
local function judged(start, after, found, left)
  local of = { touched = traces.touched(start, after), after = after, left = left, tenant = "t" }
  assert.same(of.touched, with(of.touched, traces.touched(unlike(start, after))))
  local said = table.concat(verdict.differences(traces.settle(start, found, of)), "\n")
  local before, now = unlike(start, found)
  assert.equal(said, table.concat(verdict.differences(traces.settle(before, now, of, start)), "\n"))
  return said
end

describe("traces of an undo", function()
  for name, case in pairs(CASES) do
    it((case[4] and "count: " or "do not count: ") .. name, function()
      local said = judged(case[1], case[2], case[3])
      if not case[4] then return assert.equal("", said) end
      for part in case[4]:gmatch "[^|]+" do
        assert.matches(part, said, 1, true)
      end
    end)
  end

  it("are what the undo has said, at the target that it named, and only as the run left it", function()
    local start =
      { redis = { ["0 T:a"] = { content = "1" }, ["0 T:b"] = { content = "2" }, ["0 U:a"] = { content = "3" } } }
    local after = { redis = { ["0 U:a"] = { content = "3" } } }
    local left = { { kind = "redis.keys", key = "T:*" } }
    assert.equal("", judged(start, after, after, left))
    assert.matches("0 T:a: missing", judged(start, after, after), 1, true)
    assert.matches("0 T:a: missing", judged(start, after, after, { { kind = "redis.keys", key = "U:*" } }), 1, true)
    assert.matches("0 U:a: missing", judged(start, after, { redis = {} }, left), 1, true)
    local other = { redis = { ["0 T:a"] = { content = "9" }, ["0 U:a"] = { content = "3" } } }
    assert.matches("content: 9, should be 1", judged(start, after, other, left), 1, true)
  end)

  it("are left by the repair of a release that helm left failed or pending, and by no other", function()
    assert.is_true(traces.repaired({}, history({ "old", "superseded" }, { "new", "pending-upgrade" })))
    assert.is_true(traces.repaired({}, history { "new", "failed" }))
    assert.is_true(traces.repaired(history { "old", "superseded" }, history { "old", "deployed" }))
    assert.is_false(traces.repaired({}, history({ "old", "superseded" }, { "new", "deployed" })))
    assert.is_false(traces.repaired({}, {}))
  end)

  it("may be on both sides, where two runs came by the same in another way", function()
    local more = history({ "old", "superseded" }, { "new", "superseded" }, { "newer", "deployed" })
    local fewer = history({ "old", "superseded" }, { "newer", "deployed" })
    local of = { touched = traces.touched({}, more), after = more, tenant = "t", both = true }
    assert.same({}, verdict.differences(traces.settle(more, fewer, of)))
    assert.same({}, verdict.differences(traces.settle(fewer, more, of)))
  end)

  it("leave both pictures as they were", function()
    local found =
      { k8s = { ["Deployment default/x"] = deployment("3", { "helm", "o2x" }), [SET] = set("2", "5", "old") } }
    judged(OLD, NEW, found)
    assert.equal("3", found.k8s["Deployment default/x"]["metadata.generation"])
    assert.equal("1", OLD.k8s["Deployment default/x"]["metadata.generation"])
  end)
end)
