local groups = require "o2x.prove.groups"

local function kills(count)
  local list = {}
  for i = 1, count do
    list[i] = { kind = "kill", id = "kill:" .. i, label = "point " .. i, nth = 1 }
  end
  return list
end

local function ids(units)
  local lists = {}
  for i, unit in ipairs(units) do
    local list = {}
    for k, case in ipairs(unit.cases) do
      list[k] = case.id
    end
    lists[i] = table.concat(list, " ")
  end
  return lists
end

describe("cases that are played together", function()
  it("lie apart in the run", function()
    local lists = ids(groups.of(kills(26)))
    assert.equal(24, #lists)
    assert.same({ "kill:1 kill:25", "kill:2 kill:26", "kill:3" }, table.move(lists, 1, 3, 1, {}))
  end)

  it("are all there, each once, in groups that are not too large", function()
    local seen, most = {}, 0
    for _, unit in ipairs(groups.of(kills(1000))) do
      most = math.max(most, #unit.cases)
      for _, case in ipairs(unit.cases) do
        assert.is_nil(seen[case.id])
        seen[case.id] = true
      end
    end
    assert.equal(42, most)
    assert.is_true(seen["kill:1"] and seen["kill:1000"])
  end)

  it("can be asked for: each alone, or all of a kind in one run", function()
    assert.same({ "kill:1", "kill:2" }, ids(groups.of(kills(2), "alone")))
    assert.same({ "kill:1 kill:2 kill:3" }, ids(groups.of(kills(3), "together")))
  end)

  it("are no two faults of the same requests", function()
    local list = {}
    for i, kind in ipairs { "429", "500", "drop" } do
      list[i] = { kind = "fault", id = kind, service = "vault", match = "GET /a", nth = 1, fault = kind }
    end
    assert.same({ "429", "500", "drop" }, ids(groups.of(list, "together")))
  end)

  it("are not those that end otherwise than the undisturbed run", function()
    local list = { { kind = "foreign", id = "foreign:1" }, { kind = "foreign", id = "foreign:2" } }
    assert.same({ "foreign:1", "foreign:2" }, ids(groups.of(list, "together")))
  end)
end)

describe("a group that failed", function()
  local function failed()
    local unit = groups.of(kills(4), "together")[1]
    return unit, groups.split(unit, "wrong")
  end

  it("is split until the case is alone", function()
    local _, halves = failed()
    assert.same({ "kill:1 kill:2", "kill:3 kill:4" }, ids(halves))
    assert.same({ "kill:3", "kill:4" }, ids(groups.split(halves[2], "wrong")))
  end)

  it("has failed by itself if none of its parts has", function()
    local unit, halves = failed()
    assert.same({}, groups.played(halves[1], false))
    assert.same({ unit }, groups.played(halves[2], false))
  end)

  it("is told by a part that has failed, or that has failed by itself", function()
    local _, halves = failed()
    assert.same({}, groups.played(halves[1], false))
    local quarters = groups.split(halves[2], "wrong")
    assert.same({}, groups.played(quarters[1], false))
    assert.same({}, groups.played(quarters[2], true))
    _, halves = failed()
    quarters = groups.split(halves[1], "wrong")
    groups.played(quarters[1], false)
    assert.same({ halves[1] }, groups.played(quarters[2], false))
    assert.same({}, groups.played(halves[2], false))
  end)
end)

describe("cases that a group did not come by", function()
  it("are played together again, and alone if nothing was come by", function()
    local unit = groups.of(kills(4), "together")[1]
    local again = groups.again(unit, { unit.cases[3], unit.cases[4] })
    assert.same({ "kill:3 kill:4" }, ids(again))
    assert.same({ "kill:3", "kill:4" }, ids(groups.again(again[1], again[1].cases)))
    assert.same({}, groups.again(unit, {}))
  end)
end)
