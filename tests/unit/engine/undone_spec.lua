-- Which runs were undone: told from a list of summaries, as journals of every kind of history make it.

local raised = require "tests.support.raised"
local undone = require "o2x.engine.undone"

-- "A done", "U done of A", "S done of A#Build/walls"
local function list_of(lines)
  local list = {}
  for i, line in ipairs(lines) do
    local id, status, run, step = line:match "^(%S+) (%S+) ?o?f? ?([^#]*)#?(.*)$"
    local undo = run ~= "" and { run = run, step = step ~= "" and step or nil } or nil
    list[i] = { id = id, status = (status:gsub("%-early", "")), undo = undo, runbook = undo and "undo" or "build" }
    list[i].begun = not status:find "early"
  end
  undone.mark(list)
  return list
end

local CASES <const> = {
  { "a run that nobody undid", { "A done" } },
  { "an undo that is done", { "A done", "U done of A" }, undone = "U" },
  { "an undo that is incomplete", { "A done", "U incomplete of A" }, undone = "U" },
  { "an undo that was refused", { "A done", "U refused of A" } },
  { "an undo that failed", { "A done", "U failed of A" }, undoing = "U" },
  { "an undo that crashed", { "A failed", "U crashed of A" }, undoing = "U" },
  { "an undo that crashed before it wrote anything", { "A failed", "U crashed-early of A" } },
  { "an undo that is under way", { "A failed", "U running of A" }, undoing = "U" },
  { "an undo that was undone", { "A done", "U done of A", "V done of U" } },
  { "a failed undo that was undone", { "A done", "U failed of A", "V done of U" } },
  {
    "an undo that was undone, and the undo of that",
    { "A done", "U done of A", "V done of U", "W done of V" },
    undone = "U",
  },
  {
    "two undos, the first undone",
    { "A done", "U done of A", "V done of U", "W done of A" },
    undone = "W",
  },
  { "the undo of a step", { "A done", "S done of A#Build" }, step = "S" },
  { "the undo of a step, undone", { "A done", "S done of A#Build", "V done of S" } },
}

describe("what was undone, after", function()
  for _, case in ipairs(CASES) do
    it(case[1], function()
      local first = list_of(case[2])[1]
      assert.equal(case.undone, first.undone)
      assert.equal(case.undoing, first.undoing)
      assert.equal(case.step, (undone.of_step(first, "Build/walls")))
      assert.is_nil((undone.of_step(first, "Builder")))
      local refused = case.undone or case.undoing
      local problem = refused and raised(undone.check, first) or undone.check(first)
      assert.equal(refused and "input" or nil, problem and problem.kind)
      if refused then assert.truthy(problem.message:find(refused, 1, true)) end
    end)
  end
end)

describe("an undo that asks itself, once it has its turn", function()
  it("is not in its own way", function() undone.check(list_of({ "A done", "U running of A" })[1], "U") end)

  -- It began before the other one had ended: its own journal is the newest.
  for what, lines in pairs {
    ["has ended"] = { "A done", "T done of A", "U running of A" },
    ["was killed"] = { "A done", "T crashed of A", "U running of A" },
    ["has failed"] = { "A done", "T failed of A", "U running of A" },
  } do
    it("is refused where another one " .. what .. " meanwhile", function()
      local problem = raised(undone.check, list_of(lines)[1], "U")
      assert.equal("input", problem.kind)
      assert.truthy(problem.message:find("by T", 1, true), problem.message)
    end)
  end
end)
