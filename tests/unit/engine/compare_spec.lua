-- What differs between two runs: what they were told, their scripts, their steps, what each changed.

local compare = require "o2x.engine.compare"
local history = require "o2x.engine.history"

local TEXTS <const> =
  { ["R-1 a.lua"] = "one\ntwo\n", ["R-2 a.lua"] = "one\n2\n", ["R-1 b.lua"] = "b\n", ["R-2 c.lua"] = "c\n" }

local STORE <const> = {
  source = function(_, id, path) return TEXTS[id .. " " .. path] end,
}

local function run(id, fields, records)
  local list =
    { { t = "begin", id = id, tenant = "acme", runbook = { name = "build", version = "1.0.0" }, params = {} } }
  for name, value in pairs(fields) do
    list[1][name] = value
  end
  return history.of(table.move(records, 1, #records, 2, list))
end

local function changed(key, outcome, after, step)
  return { t = "intent", path = step or "s", kind = "thing", key = key, effect = key, slot = key, desired = after }, {
    t = "result",
    path = "",
    effect = key,
    outcome = outcome,
    after = after,
  }
end

local function same(key) return { t = "same", path = "s", kind = "thing", key = key, effect = key, slot = key } end

local function list_of(...)
  local list = {}
  for _, records in ipairs { ... } do
    table.move(records, 1, #records, #list + 1, list)
  end
  return list
end

describe("two runs", function()
  it("that were told the same and did the same do not differ", function()
    local one = run("R-1", {}, list_of({ changed("a", "created", 1) }, { same "b" }))
    local found = compare.runs(STORE, one, run("R-2", {}, list_of({ changed("a", "created", 1) }, { same "b" })))
    assert.same({ told = {}, sources = {}, steps = {}, effects = {} }, found)
  end)

  it("were told something else", function()
    local one = run("R-1", { params = { size = "1", old = "x" }, o2x = "1.0" }, {})
    local other = run("R-2", { params = { size = "2" }, o2x = "1.1", tenant = "beta" }, {})
    assert.same({
      "~ o2x: 1.0 → 1.1",
      "- parameters.old: x",
      "~ parameters.size: 1 → 2",
      "~ tenant: acme → beta",
    }, compare.runs(STORE, one, other).told)
  end)

  it("had other scripts", function()
    local one = run("R-1", { library = { ["a.lua"] = "h1", ["b.lua"] = "h", ["d.lua"] = "d" } }, {})
    local other = run("R-2", { library = { ["a.lua"] = "h2", ["c.lua"] = "h", ["d.lua"] = "d" } }, {})
    assert.same({
      { path = "a.lua", sign = "~", lines = { " one", "-two", "+2" } },
      { path = "b.lua", sign = "-", lines = { "-b" } },
      { path = "c.lua", sign = "+", lines = { "+c" } },
    }, compare.runs(STORE, one, other).sources)
  end)

  it("had other steps, or the same that ended otherwise", function()
    local one = run("R-1", {}, { { t = "step", path = "a" }, { t = "done", path = "a" }, { t = "step", path = "b" } })
    local other = run("R-2", {}, { { t = "step", path = "a" }, { t = "step", path = "c" } })
    assert.same({
      { path = "a", sign = "~", before = "done", after = "begun" },
      { path = "b", sign = "-", before = "begun" },
      { path = "c", sign = "+", after = "begun" },
    }, compare.runs(STORE, one, other).steps)
  end)

  it("changed other things, or the same ones to something else", function()
    local one =
      run("R-1", {}, list_of({ changed("a", "created", { x = 1 }) }, { changed("b", "changed", 1) }, { same "c" }))
    local records = list_of({ changed("a", "created", { x = 2 }) }, { same "b" }, { changed("c", "deleted") })
    local found = compare.runs(STORE, one, run("R-2", {}, records)).effects
    local seen = {}
    for i, e in ipairs(found) do
      seen[i] = { e.sign, e.target, e.before, e.after, e.lines[1] or false }
    end
    assert.same({
      { "~", "a", "created", "created", "~ x: 1 → 2" },
      { "-", "b", "changed", "unchanged", false },
      { "+", "c", "unchanged", "deleted", false },
    }, seen)
  end)
end)
