-- Which runs are unfinished: every status, with and without a write, settled in every way.

local unfinished = require "o2x.engine.unfinished"

local STATUSES <const> = { "done", "incomplete", "refused", "damaged", "running", "failed", "interrupted", "crashed" }
local STOPPED <const> = { failed = true, interrupted = true, crashed = true }
local SETTLED <const> = { "overtaken", "undone", "undoing", "dismissed" }

local function one(status, begun, settled)
  local summary = { id = "R", status = status, begun = begun }
  if settled then summary[settled] = "S" end
  return summary
end

describe("unfinished", function()
  for _, status in ipairs(STATUSES) do
    it("is a run that is " .. status .. (STOPPED[status] and ", once it wrote" or ": never"), function()
      assert.equal(STOPPED[status] or false, unfinished.is(one(status, true)))
      assert.is_false(unfinished.is(one(status)))
      assert.equal(status == "interrupted" or status == "crashed", unfinished.cut_off(one(status)))
      for _, settled in ipairs(SETTLED) do
        assert.is_false(unfinished.is(one(status, true, settled)))
        assert.is_false(unfinished.cut_off(one(status, nil, settled)))
      end
    end)
  end

  -- "R1 failed wrote", "R2 done" … of one runbook and tenant → which overtakes the first
  for _, case in ipairs {
    { "failed wrote", "done", by = "R2" },
    { "failed wrote", "failed wrote", by = "R2" },
    { "failed wrote", "running", by = "R2" },
    { "failed wrote", "failed" },
    { "failed wrote", "refused" },
    { "failed wrote", "refused", "crashed" },
    { "failed wrote", "interrupted", "done", by = "R3" },
    { "failed", "failed", by = "R2" },
    { "failed", "refused" },
    { "refused", "failed", by = "R2" },
    { "done", "done" },
  } do
    it("is not what a later run has overtaken: " .. table.concat(case, ", "), function()
      local list = {}
      for i, text in ipairs(case) do
        list[i] = one(text:match "%l+", text:find "wrote" ~= nil)
        list[i].id, list[i].tenant, list[i].runbook = "R" .. i, "alpha", "build"
      end
      unfinished.mark(list, function() return false end)
      assert.equal(case.by, list[1].overtaken)
    end)
  end
end)
