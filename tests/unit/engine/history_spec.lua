local history = require "o2x.engine.history"
local raised = require "tests.support.raised"

local BEGIN <const> = { t = "begin", id = "R-1", tenant = "acme", at = "2026-02-10T12:00:00Z", pid = 7 }

local function of(...) return history.of { BEGIN, ... } end

local function intent(id, fields)
  local record =
    { t = "intent", effect = id, slot = "s", path = "Build", kind = "pg.row", key = "a", desired = 2, before = 1 }
  for name, value in pairs(fields or {}) do
    record[name] = value
  end
  return record
end

describe("the history of a run", function()
  for _, record in ipairs {
    { t = "step" },
    { t = "done", path = 7 },
    { t = "intent", effect = "e", slot = "s", kind = "k" },
    { t = "result" },
    { t = "value", value = 1 },
    "no table",
  } do
    it("refuses a record that says too little: " .. tostring(record.t), function()
      local problem = raised(of, record)
      assert.equal("damaged", problem.code)
      assert.matches("^record 2 of the journal ", problem.message)
    end)
  end

  it("says whose it is and when it began", function()
    local h = of()
    assert.same({ "R-1", "acme", 7 }, { h.id, h.tenant, h.pid })
    assert.equal("2026-02-10T12:00:00Z", h.started)
    assert.is_nil(h.status)
  end)

  it("has each step once, with how it ended last", function()
    local h = of(
      { t = "step", path = "Build" },
      { t = "fail", path = "Build", message = "no" },
      { t = "resume" },
      { t = "step", path = "Build" },
      { t = "done", path = "Build", result = 7, seconds = 1 }
    )
    assert.equal(1, #h.steps)
    assert.same({ "done", 1 }, { h.steps[1].status, h.steps[1].seconds })
    assert.is_nil(h.steps[1].message)
    assert.equal(7, history.result(h, "Build").result)
    assert.equal(1, h.resumed)
  end)

  it("gives no result that was masked on its way to the disk", function()
    local h = of({ t = "step", path = "Build" }, { t = "done", path = "Build", result = "***", masked = true })
    assert.is_true(history.result(h, "Build").masked)
  end)

  it("puts intent and result of an effect together", function()
    local h = of(intent "e1", { t = "result", effect = "e1", outcome = "changed", after = 2, seconds = 0.5 })
    assert.equal(1, #h.effects)
    local e = h.effects[1]
    assert.same({ "pg.row", "a", 1, 2, "changed", true }, { e.kind, e.key, e.before, e.after, e.outcome, e.result })
  end)

  it("knows an effect whose write did not say how it ended", function()
    local h = of(intent "e1")
    assert.equal("begun", h.effects[1].outcome)
    assert.is_nil(h.effects[1].result)
    assert.same({ h.effects[1] }, h.by_slot.s)
  end)

  it("takes the before-image of the write that stands", function()
    local h = of(intent "e1", { t = "failed", effect = "e1", message = "no", left = 5 }, intent("e1", { before = 9 }))
    assert.equal(1, #h.effects)
    assert.same({ 9, "begun" }, { h.effects[1].before, h.effects[1].outcome })
    assert.is_nil(h.effects[1].left)
  end)

  it("counts how effects ended", function()
    local h = of(
      { t = "result", effect = "a", outcome = "created" },
      { t = "same", effect = "b", kind = "pg.row", key = "b" },
      intent "c",
      intent "d",
      { t = "dropped", effect = "d" }
    )
    assert.same(
      { created = 1, changed = 0, deleted = 0, unchanged = 1, begun = 1, failed = 0, dropped = 1 },
      history.counts(h)
    )
  end)

  it("keeps recorded values and checks", function()
    local h = of({ t = "value", key = "k", value = 7 }, { t = "check", name = "x", ok = true })
    assert.equal(7, history.value(h, "k").value)
    assert.equal("x", h.checks[1].name)
  end)

  it("ends with its status; a resumed run has none until it ends again", function()
    local ended = { t = "end", status = "failed", error = { kind = "failed" }, at = "2026-02-10T12:00:30Z" }
    local h = of(ended)
    assert.equal("failed", h.status)
    assert.equal(30, history.seconds(h))
    h = of(ended, { t = "resume" })
    assert.is_nil(h.status)
    assert.is_nil(h.error)
  end)
end)
