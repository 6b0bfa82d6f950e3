-- The command that a conflict proposes did not work: after `resume --edited` it went on with the old scripts, and an
-- effect that guards what is not its own (a DNS record, a Kubernetes field) refused it once more. A run whose journal
-- was deleted meanwhile went on writing without one.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local history = require "o2x.engine.history"
local journal = require "o2x.core.journal"
local memory = require "o2x.engine.memory"
local small_run = require "tests.support.small_run"
local toys = require "tests.support.toy"

describe("what is proposed after o2x resume --edited", function()
  it("goes on with the edited scripts", function()
    local toy <close> = toys.new()
    toy:runbook("tend", 'step("plant", function() toy.ensure(tenant.name, 1) fail("too hot") end)')
    assert.equal(1, toy:o2x({ "run", "tend", "alpha" }).code)
    fs.write(toy.system .. "/alpha", "7")
    toy:runbook("tend", 'step("plant", function() toy.ensure(tenant.name, 2) end)')
    local stopped = toy:o2x { "resume", "--edited" }
    assert.equal(1, stopped.code)
    assert.matches("next: o2x resume R%-%S+ %-%-edited\n", stopped.stderr)
    assert.matches("next: o2x resume R%-%S+ %-%-edited\n", toy:o2x({ "show" }).stdout)
    local words = {}
    for word in stopped.stderr:match("to overwrite it: o2x ([^\n]+)"):gmatch "%S+" do
      words[#words + 1] = word
    end
    local resumed = toy:o2x(words)
    assert.equal(0, resumed.code, resumed.stderr)
    assert.same({ alpha = 2 }, toy:holds())
    assert.falsy(toy:o2x({ "show" }).stdout:find("next:", 1, true))
  end)
end)

-- A system that refuses to overwrite what is not its own.
local function guarding(system)
  return {
    name = "guarding",
    declares = "guarding:write",
    types = {
      {
        kind = "guarding.thing",
        class = "idempotent",
        guard = "none: a test",
        key = function(target) return target end,
        read = function(_, target) return system[target] end,
        write = function(_, target, desired, before, _, taken)
          if before == "theirs" and not taken then errors.raise { kind = "refused", message = "it is theirs" } end
          if system.cut then errors.raise { kind = "cancelled", message = "killed" } end
          system[target] = desired
        end,
        show = function() return { lines = { system.seen or "hashes" } } end,
        by_hand = function() return {} end,
        undo = { before = "the value", how = "the value that was there is written again" },
      },
    },
    api = function(ctx)
      return { ensure = function(desired) return ctx:effect("guarding.thing", "x", desired) end }
    end,
  }
end

local function attempt(system, records, take_over)
  local past = records and memory.new(history.of(records), take_over) or nil
  local run = small_run.new { modules = { guarding(system) }, clients = {}, past = past }
  local ok, err = pcall(run.api.guarding.ensure, "A")
  return table.move(run.records, 1, #run.records, records and #records + 1 or 1, records or {}), ok, err
end

describe("--take-over", function()
  it("tells the effect that the operator decided, also where the run is killed again after that", function()
    local system = { x = "old", cut = true }
    local records = attempt(system)
    system.x = "theirs"
    local ok, err
    records, ok, err = attempt(system, records)
    assert.is_false(ok)
    assert.equal("foreign_change", err.code)
    records = attempt(system, records, { "x" })
    assert.equal("theirs", system.x)
    system.cut = nil
    records, ok, err = attempt(system, records)
    assert.is_true(ok, tostring(err))
    assert.equal("A", system.x)
    assert.equal("theirs", history.of(records).effects[2].before)
  end)

  it("is asked for with this run's change as the run showed it: the journal may have but hashes of it", function()
    local system = { x = "old", cut = true, seen = "~ image: v1 → v2" }
    local records = attempt(system)
    system.x, system.seen = "theirs", nil
    local _, _, err = attempt(system, records)
    assert.matches("This run's change: ~ image: v1 → v2. What it is now: hashes", tostring(err), 1, true)
  end)

  it("is not taken for granted", function()
    local system = { x = "theirs" }
    local _, ok, err = attempt(system)
    assert.is_false(ok)
    assert.equal("refused", err.kind)
  end)
end)

-- One object with fields, of which an effect sets some.
local function fields_of(object)
  return {
    name = "fields",
    declares = "fields:write",
    types = {
      {
        kind = "fields.some",
        class = "idempotent",
        guard = "none: a test",
        key = function(target) return table.concat(target, ",") end,
        whole = function() return "object" end,
        read = function(_, target)
          local found = {}
          for _, name in ipairs(target) do
            found[name] = object[name]
          end
          return found
        end,
        write = function(_, _, desired)
          for name, item in pairs(desired) do
            object[name] = item
          end
          if object.cut then errors.raise { kind = "cancelled", message = "killed" } end
        end,
        by_hand = function() return {} end,
        undo = { before = "the fields", how = "they are written again" },
      },
    },
    api = function(ctx)
      return { set = function(names, desired) return ctx:effect("fields.some", names, desired) end }
    end,
  }
end

describe("a corrected script that sets more fields of an object", function()
  local function killed(theirs)
    local object = { a = "old", b = "old", cut = true }
    local first = small_run.new { modules = { fields_of(object) }, clients = {} }
    assert.is_false(pcall(first.api.fields.set, { "a" }, { a = "A" }))
    object.cut, object.a = nil, theirs or object.a
    local past = memory.new(history.of(first.records))
    local second = small_run.new { modules = { fields_of(object) }, clients = {}, past = past }
    local ok, err = pcall(second.api.fields.set, { "a", "b" }, { a = "A2", b = "B" })
    return object, past.history.effects, ok, err
  end

  it("has a true record of what it set before", function()
    local object, effects, ok = killed()
    assert.is_true(ok)
    assert.same({ a = "A2", b = "B" }, object)
    assert.same({ "changed", "changed" }, { effects[1].outcome, effects[2].outcome })
  end)

  it("stops at what somebody else set there", function()
    local object, _, ok, err = killed "theirs"
    assert.is_false(ok)
    assert.equal("foreign_change", err.code)
    assert.equal("theirs", object.a)
  end)
end)

describe("a journal that was deleted", function()
  it("takes no more records: the effect that they announce does not start", function()
    local path = os.tmpname()
    local file = journal.open(path)
    assert.is_true(file:stands(path))
    fs.remove(path)
    local ok, message, code = file:stands(path)
    assert.is_nil(ok)
    assert.matches("the journal was deleted", message, 1, true)
    assert.equal("lost", code)
    file:close()
  end)

  it("is no run to resume: the command that starts it again is proposed, as a shell takes it", function()
    local toy <close> = toys.new()
    toy:runbook(
      "tend",
      'step("plant", function() toy.ensure("one", 1) toy.forget_runs() toy.ensure("two", 2) end)',
      'params = { note = { "string", optional = true, help = "a note" } },'
    )
    local stopped = toy:o2x { "run", "tend", "alpha", "note=it's late" }
    assert.equal(1, stopped.code)
    assert.truthy(stopped.stderr:find("next: o2x run tend alpha 'note=it'\\''s late'", 1, true), stopped.stderr)
    assert.same({ one = 1 }, toy:holds())
  end)
end)
