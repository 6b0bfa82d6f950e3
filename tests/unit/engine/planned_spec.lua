local planned = require "o2x.engine.planned"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

-- One tenant's part of a plan with one effect.
local function part_with(fields)
  local effect = { path = "Build", kind = "pg.row", key = "a", nth = 1, outcome = "changed", before = { n = 1 } }
  effect.desired = { n = 2 }
  for name, item in pairs(fields or {}) do
    effect[name] = item
  end
  return { effects = { effect }, values = { at = 7 }, hash = "h", text = "t" }
end

-- An effect of a run that is named after it, held against a plan that had no id and no time yet.
local function admit_named(key, id)
  local part = part_with { key = "a-plan-b" }
  local e = { type = { kind = "pg.row" }, path = "Build", key = key, nth = 1, before = { n = 1 }, desired = { n = 2 } }
  return pcall(planned.new(part).admit, planned.new(part), e, id)
end

local function now_with(fields) return { effects = part_with(fields).effects } end

local TYPE <const> = { kind = "pg.row" }

local function admit(part, fields)
  local e = { type = TYPE, path = "Build", key = "a", nth = 1, before = { n = 1 }, desired = { n = 2 } }
  for name, item in pairs(fields or {}) do
    e[name] = item
  end
  return pcall(planned.new(part).admit, planned.new(part), e, "R-1")
end

describe("what is named after the run", function()
  it("fits the plan by its id, and by its time", function()
    local id <const> = "R-20260210-120000-1c3b"
    assert.is_true(admit_named("a-" .. id .. "-b", id))
    assert.is_true(admit_named("a-20260210-120000-b", id))
    assert.is_false(admit_named("a-20260210-120001-b", id))
  end)

  -- A maintenance was put on and a plan to end it applied within one second: refused as "was changed since".
  it("is not what is named after another run of the same second", function()
    local id <const>, other <const> = "R-20260210-120000-1c3b", "R-20260210-120000-039d"
    for _, text in ipairs { other, "by " .. other .. ", " .. other:lower() .. ".", "R-20260210-120000-039d" } do
      local part = part_with { before = { by = text }, desired = {} }
      local e = { type = TYPE, path = "Build", key = "a", nth = 1, before = { by = text }, desired = {} }
      assert(pcall(planned.new(part).admit, planned.new(part), e, id))
    end
  end)
end)

describe("what moved since a plan was made", function()
  it("is nothing if all is as it was", function() assert.same({}, planned.moved(part_with(), now_with())) end)

  -- what the plan has → what is there now, why it moved
  local MOVED <const> = {
    { { before = { n = 1 } }, { before = { n = 5 } }, "was changed since" },
    { { before = { n = 1 } }, { before = { n = 1, m = 2 } }, "was changed since" },
    { { before = { n = 1, m = 2 } }, { before = { n = 1 } }, "was changed since" },
    { { before = { n = { 1, 2 } } }, { before = { n = { 1, 3 } } }, "was changed since" },
    { {}, { desired = { n = 3 } }, "would get another value" },
    { { outcome = "changed" }, { outcome = "unchanged" }, "would be unchanged, not changed" },
    { {}, { key = "b" }, "is not in the plan" },
    { {}, { path = "Other" }, "is not in the plan" },
    { {}, { nth = 2 }, "is not in the plan" },
    {
      { before = { ["$secret"] = "x", fp = "1" } },
      { before = { ["$secret"] = "x", fp = "2" } },
      "was changed since",
    },
  }
  for i, case in ipairs(MOVED) do
    it(("is said: %d, %s"):format(i, case[3]), function()
      local list = planned.moved(part_with(case[1]), now_with(case[2]))
      assert.equal(case[3], list[1].why)
    end)
  end

  -- what is the same for a plan
  local SAME <const> = {
    { { before = { ["$unknown"] = true } }, { before = { n = 5 } } },
    { { desired = { n = { ["$unknown"] = true } } }, { desired = { n = 5 } } },
    { { desired = { n = { ["$float"] = "2" } } }, { desired = { n = 2 } } },
    { { outcome = "open", before = { n = 1 } }, { outcome = "changed", before = { n = 9 } } },
    { { before = { ["$secret"] = "x", fp = "1" } }, { before = { ["$secret"] = "y", fp = "1" } } },
  }
  for i, case in ipairs(SAME) do
    it(
      "leaves out what the plan could not know, or is equal: " .. i,
      function() assert.same({}, planned.moved(part_with(case[1]), now_with(case[2]))) end
    )
  end

  it("has three values, field by field", function()
    local list = planned.moved(
      part_with { before = { spec = { n = 1, m = "same" } }, desired = { spec = { n = 2, m = "same" } } },
      now_with { before = { spec = { n = 5, m = "same" } }, desired = { spec = { n = 2, m = "same" } } }
    )
    assert.same({ { field = "spec.n", planned = "1", now = "5", desired = "2" } }, list[1].values)
  end)

  it("names what would not be done any more", function()
    local list = planned.moved(part_with(), { effects = {} })
    assert.equal("is in the plan, and would not be done", list[1].why)
    assert.equal("a", list[1].key)
  end)

  it("shows no secret", function()
    local hidden = secret.new("sesame-sesame-moved", "x")
    local list = planned.moved(part_with(), now_with { before = { n = "sesame-sesame-moved" } })
    assert.equal("******", list[1].values[1].now)
    secret.wipe(hidden)
  end)
end)

describe("a run that does a plan", function()
  it("may do what is in it", function()
    assert.is_true((admit(part_with())))
    assert.is_true((admit(part_with { desired = { ["$unknown"] = true } }, { desired = { n = 77 } })))
    local copy = part_with { key = "a-plan", desired = { n = "old-plan" } }
    assert.is_true((admit(copy, { key = "a-R-1", desired = { n = "old-R-1" } })))
    assert.is_true((admit(copy, { key = "a-r-1", desired = { n = "old-R-1" } }))) -- RDS takes lower case only
  end)

  for what, fields in pairs {
    ["another target"] = { key = "b" },
    ["another step"] = { path = "x" },
    ["a second time"] = { nth = 2 },
    ["another value"] = { desired = { n = 3 } },
    ["another value before"] = { before = { n = 3 } },
  } do
    it("may do nothing else: " .. what, function()
      local ok, err = admit(part_with(), fields)
      assert.is_false(ok)
      assert.equal("not_planned", err.code)
      assert.equal("conflict", err.kind)
      assert.matches("^pg.row [ab]: ", err.message)
    end)
  end

  it("gets the values that the plan recorded", function()
    local this = planned.new(part_with())
    assert.same({ value = 7 }, this:value "at")
    assert.is_nil(this:value "other")
    assert.is_true(value.is_unknown(value.unknown))
  end)
end)
