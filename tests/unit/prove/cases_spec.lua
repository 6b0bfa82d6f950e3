local cases = require "o2x.prove.cases"

-- Points as hook.lua notes them.
local function point(n, label, epoch, more)
  local one = { n = n, label = label, nth = 1, epoch = epoch, behind = false, child = false }
  for name, value in pairs(more or {}) do
    one[name] = value
  end
  return one
end

local POINTS = {
  point(1, "before journal begin", 0),
  point(2, "after journal begin", 2, { behind = true }),
  point(3, "before sync begin", 2, { behind = true }),
  point(4, "intended effect toy.value a", 4),
  point(5, "after child helm", 6, { child = true }),
  point(6, "written effect toy.value a", 6, { child = true }),
}
local LOG = {
  { service = "vault", method = "GET", target = "/v1/x", write = false },
  { service = "vault", method = "POST", target = "/v1/x", write = true },
  { service = "vault", method = "POST", target = "/v1/x", write = true },
}

local function undone(count)
  local points = {}
  for n = 1, count do
    points[n] = point(n, "before http GET x", n)
  end
  return points
end

local function ids(list, kind)
  local found = {}
  for _, case in ipairs(list) do
    if case.kind == kind then found[#found + 1] = case.id end
  end
  return table.concat(found, " ")
end

describe("the cases of a run", function()
  local list, same = cases.of { points = POINTS, log = LOG, undone = undone(100) }

  it("are one a state that a kill can leave", function()
    assert.equal("kill:1 kill:2 kill:4 kill:5", ids(list, "kill"))
    assert.equal(2, same.kill)
  end)

  it("lose power only where something is not synced", function() assert.equal("power:2", ids(list, "power")) end)

  it("let children live on where there are some", function() assert.equal("leave:5", ids(list, "leave")) end)

  it(
    "change targets once their intent is there",
    function() assert.equal("foreign:1 foreign:2", ids(list, "foreign")) end
  )

  it("have each fault at each request that it fits, the nth of its line", function()
    local found, names = {}, {}
    for _, case in ipairs(list) do
      if case.kind == "fault" then
        found[("%s %d %s"):format(case.match, case.nth, case.fault)] = case.id
        assert.is_nil(names[case.id])
        names[case.id] = true
      end
    end
    assert.matches("^fault:%x+%-429$", found["GET /v1/x 1 429"])
    assert.is_nil(found["GET /v1/x 1 timeout"])
    assert.matches("^fault:%x+%-timeout$", found["POST /v1/x 2 timeout"])
  end)

  it("have faults of the same names where parallel steps took turns otherwise", function()
    local turned = { table.unpack(LOG) }
    turned[1], turned[2] = turned[2], turned[1]
    local other, before, after = cases.of { points = POINTS, log = turned }, {}, {}
    for _, pair in ipairs { { list, before }, { other, after } } do
      for _, case in ipairs(pair[1]) do
        if case.kind == "fault" then table.insert(pair[2], case.id) end
      end
      table.sort(pair[2])
    end
    assert.same(before, after)
  end)

  it("kill each killed resume, and the undo at each of its points", function()
    assert.equal("twice:1 twice:2 twice:4 twice:5", ids(list, "twice"))
    assert.matches("^undo%-kill:1 undo%-kill:2 .* undo%-kill:100$", ids(list, "undo-kill"))
  end)
end)

describe("a choice of cases", function()
  local list = cases.of { points = POINTS, log = LOG }

  it("is one of them", function()
    local chosen = cases.choose(list, POINTS, { tenant = "alpha", only = "kill:4" })
    assert.equal(1, #chosen)
    assert.equal("kill:4", chosen[1].id)
  end)

  it("is of some kinds", function()
    for _, case in ipairs(cases.choose(list, POINTS, { tenant = "alpha", kinds = { power = true } })) do
      assert.equal("power", case.kind)
    end
  end)

  it("is a sample of each kind, another one for another seed", function()
    local one = cases.choose(list, POINTS, { tenant = "alpha", sample = 1 })
    local other = cases.choose(list, POINTS, { tenant = "alpha", sample = 1, seed = 1 })
    assert.equal("kill:1", ids(one, "kill"))
    assert.equal("kill:2", ids(other, "kill"))
  end)

  it("has no more than twenty killed undos, from all of it, but if all are wanted", function()
    local many = cases.of { points = POINTS, log = {}, undone = undone(100) }
    local some, cover = cases.choose(many, POINTS, { tenant = "alpha" })
    assert.matches("^undo%-kill:1 undo%-kill:6 .* undo%-kill:96$", ids(some, "undo-kill"))
    assert.same({ all = 100, classes = 100, covered = 20, least = 0 }, cover["undo-kill"])
    local all = cases.choose(many, POINTS, { tenant = "alpha", all = true })
    assert.equal(#many, #all)
  end)
end)
