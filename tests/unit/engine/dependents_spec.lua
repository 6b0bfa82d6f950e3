-- Which steps stand on a step that is taken back alone.

local dependents = require "o2x.engine.dependents"
local raised = require "tests.support.raised"

local TYPES <const> = {
  ["t.house"] = { kind = "t.house", key = function(target) return target.name end, undo = { contents = true } },
  ["t.room"] = {
    kind = "t.room",
    key = function(target) return target.name end,
    parent = function(target) return "t.house", { name = target.house } end,
    undo = {},
  },
  ["t.paint"] = {
    kind = "t.paint",
    key = function(target) return target.name end,
    parent = function(target) return "t.room", { name = target.room, house = target.house } end,
    undo = {},
  },
  ["t.smell"] = {
    kind = "t.smell",
    key = function(target) return target.name end,
    parent = function(target) return "t.house", { name = target.house } end,
    undo = { never = true },
  },
  ["pg.allocated"] = { kind = "pg.allocated", key = function(target) return target.name end, undo = {} },
}

-- An effect of the run, in its order.
local function effect(path, kind, target, more)
  local entry = { path = path, kind = kind, target = target, key = target.name, intent = true, desired = {} }
  for name, item in pairs(more or {}) do
    entry[name] = item
  end
  return entry
end

-- The check of a step of a run that had these effects. -> nil, or the error
local function check(step, effects, undone_steps)
  local h = { id = "R-1", effects = effects, by_target = {} }
  local list = {}
  for i, entry in ipairs(effects) do
    entry.order, entry.on = i, entry.kind .. " " .. entry.key
    h.by_target[entry.on] = h.by_target[entry.on] or {}
    table.insert(h.by_target[entry.on], entry)
    if entry.path == step then
      list[#list + 1] = { entry = entry, type = TYPES[entry.kind], target = entry.target, past = entry, to = {} }
    end
  end
  local run = {
    undo = { history = h, step = step, summary = { undone_steps = undone_steps } },
    gate = { type_of = function(_, kind) return TYPES[kind] end },
    registration = { place = function() return { table = "tenants", id = "id" } end },
  }
  local ok = pcall(dependents.check, run, list)
  return not ok and raised(dependents.check, run, list) or nil
end

local HOUSE <const> = { name = "h" }
local ROOM <const>, PAINT <const> = { name = "r", house = "h" }, { name = "p", room = "r", house = "h" }
local ID <const> = { name = "an id", table = "tenants", column = "id" }

local CASES <const> = {
  { "a thing in it", { effect("it's", "t.house", HOUSE), effect("b", "t.room", ROOM) }, "t.house h: b$" },
  { "a thing in a thing in it", { effect("it's", "t.house", HOUSE), effect("c", "t.paint", PAINT) }, "t.house h: c$" },
  {
    "several, the newest first",
    { effect("it's", "t.house", HOUSE), effect("b", "t.room", ROOM), effect("c", "t.paint", PAINT) },
    "t.house h: c, b$",
  },
  { "the id that it gave", { effect("it's", "pg.allocated", ID), effect("b", "t.house", HOUSE) }, "an id: b$" },
  {
    "the same target",
    { effect("it's", "t.house", HOUSE), effect("b", "t.house", HOUSE) },
    "t.house h was written again in step b$",
  },
  { "nothing: it is in something else", { effect("it's", "t.house", { name = "o" }), effect("b", "t.room", ROOM) } },
  { "nothing: it was there", { effect("it's", "t.house", HOUSE, { before = {} }), effect("b", "t.room", ROOM) } },
  { "nothing: it goes with it anyway", { effect("it's", "t.house", HOUSE), effect("b", "t.smell", ROOM) } },
  { "nothing: it came before", { effect("b", "t.house", HOUSE), effect("it's", "pg.allocated", ID) } },
  { "nothing: it is in the step", { effect("it's", "t.house", HOUSE), effect("it's/b", "t.room", ROOM) } },
  {
    "nothing: it was taken back",
    { effect("it's", "t.house", HOUSE), effect("b", "t.room", ROOM) },
    undone = { b = "R-2" },
  },
}

describe("what stands on a step", function()
  for _, case in ipairs(CASES) do
    it(("is %s"):format(case[1]), function()
      local problem = check("it's", case[2], case.undone)
      if not case[3] then return assert.is_nil(problem) end
      assert.equal("conflict", problem.kind)
      assert.matches(case[3], problem.message)
    end)
  end

  it("is named with commands that a shell takes", function()
    local problem = check("a", { effect("a", "t.house", HOUSE), effect("it's", "t.room", ROOM) })
    assert.equal(
      "take back the whole run: o2x undo R-1, or first the newest of them: o2x undo 'R-1#it'\\''s'",
      problem.hint
    )
  end)
end)
