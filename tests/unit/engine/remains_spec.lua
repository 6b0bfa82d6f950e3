-- What an undo leaves, and what makes the rest again.

local remains = require "o2x.engine.remains"

-- A reversal of a type with these traces.
local function one(traces, to) return { type = { undo = { traces = traces } }, target = "t", to = to } end

-- A store of runs: id → the head of its journal.
local function store_of(runs)
  return { origin = function(_, id) return runs[id] or error "unknown run" end }
end

local BUILD <const> = { runbook = { name = "build" }, tenant = "alpha", params = { note = "it's", at = "1" } }

describe("what an undo leaves", function()
  it("is said once for each text, and not of what cannot go back", function()
    local function of_target(target, back) return target .. back.word end
    local list = {
      one("marks", {}),
      one("marks", {}),
      one("not written", nil),
      one(nil, {}),
      one(of_target, { word = "1" }),
      one(function() end, {}),
    }
    assert.same({ "marks", "t1" }, remains.traces(list))
  end)
end)

describe("what makes again what cannot come back", function()
  local runs = {
    R = BUILD,
    U = { undo = { run = "R" } },
    V = { undo = { run = "U" } },
    W = { undo = { run = "V" } },
    lost = { undo = { run = "none" } },
    S = { runbook = { name = "build" }, tenant = "alpha", secrets = "/a file" },
    T = { undo = { run = "S" } },
  }
  local CASES <const> = {
    { "the undo of a run removes it: nothing", "R", nil },
    { "the undo of an undo: the runbook, with its parameters", "U", "o2x plan build alpha at=1 'note=it'\\''s'" },
    { "the undo of that: nothing", "V", nil },
    { "and the next one", "W", "o2x plan build alpha at=1 'note=it'\\''s'" },
    { "with the secrets that were given", "T", "o2x plan build alpha '--secrets=/a file'" },
    { "nothing where the first journal is lost", "lost", nil },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function() assert.equal(case[3], remains.again(store_of(runs), case[2])) end)
  end
end)
