-- What moved since a plan was made was shown as three texts that looked the same: where a field beside it was a
-- secret, where the secret itself moved, and where a long text moved far from its beginning.

local planned = require "o2x.engine.planned"

local function effect_of(before, desired)
  return {
    path = "s",
    kind = "toy.value",
    key = "a",
    nth = 1,
    outcome = "changed",
    class = "transactional",
    before = before,
    desired = desired,
  }
end

local function moved(before, now, desired)
  local part = { effects = { effect_of(before, desired) }, values = {} }
  return planned.moved(part, { effects = { effect_of(now, desired) } })[1].values
end

local function secret_of(tag) return { ["$secret"] = "vault/key", fp = tag } end

local LONG <const> = ("same line\n"):rep(200)

describe("what moved since a plan", function()
  it(
    "is shown field by field beside a secret",
    function()
      assert.same(
        { { field = "n", planned = "1", now = "2", desired = "3" } },
        moved({ n = 1, key = secret_of "a" }, { n = 2, key = secret_of "a" }, { n = 3, key = secret_of "a" })
      )
    end
  )

  it("is seen, if it is a secret", function()
    local shown = "‹secret vault/key›"
    assert.same(
      { { field = "key", planned = shown, now = shown .. " (another one)", desired = shown } },
      moved({ key = secret_of "a" }, { key = secret_of "b" }, { key = secret_of "a" })
    )
    assert.equal(
      shown .. " (another one)",
      moved({ key = secret_of "a" }, { key = secret_of "b" }, { key = secret_of "b" })[1].desired
    )
  end)

  it("is the line of a long text", function()
    assert.same(
      { { field = "line 201", planned = "1", now = "2", desired = "3" } },
      moved(LONG .. "1\nx", LONG .. "2\nx", LONG .. "3\nx")
    )
    assert.same(
      { { field = "text, line 201", planned = "nothing", now = "more", desired = "nothing" } },
      moved({ text = LONG:sub(1, -2) }, { text = LONG .. "more" }, { text = LONG:sub(1, -2) })
    )
  end)

  it("is seen in a long text of one line", function()
    local long = ("x"):rep(500)
    local values = moved({ n = long .. "1" }, { n = long .. "2" }, { n = long .. "1" })[1]
    assert.not_equal(values.planned, values.now)
    assert.equal(values.planned, values.desired)
  end)

  it("may be around the value: then it is what would be done", function()
    local before, now = effect_of({ n = 1 }, { n = 2 }), effect_of({ n = 1 }, { n = 2 })
    before.show, now.show = { lines = { "~ n: 1 → 2" } }, { lines = { "~ n: 1 → 2", "~ replicas: 5 → 2" } }
    local list = planned.moved({ effects = { before }, values = {} }, { effects = { now } })
    assert.equal("would be another change", list[1].why)
    assert.same(now.show.lines, list[1].lines)
    assert.same(now.show.lines, planned.data(list)[1].diff)
  end)
end)
