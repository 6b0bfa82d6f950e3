local errors = require "o2x.base.error"
local same_again = require "o2x.engine.same_again"

local function run(past, edited)
  return {
    sandbox = { texts = { ["runbooks/work.lua"] = "…" } },
    past = past and { history = { error = past } },
    edited = edited,
    gate = { wrote = false },
  }
end

local function err(kind, message, where) return errors.new { kind = kind, message = message, where = where } end

describe("a run that failed fails again in the same way", function()
  for _, case in ipairs {
    {
      "an error of its script",
      err("bug", "runbooks/work.lua:5: attempt to index nil"),
      "edit runbooks/work.lua:5",
      true,
    },
    { "an error elsewhere", err("bug", "lua/o2x/engine/x.lua:5: attempt to index nil") },
    { "bad input", err("input", "no such size"), "refused again until it is corrected" },
    { "a refusal", err("refused", "outside of the grants"), "refused again until it is corrected" },
    { "a system", err("failed", "the toy has a fault") },
    { "the same as before", err("failed", "not ready"), "in the same way before", past = { message = "not ready" } },
    { "another one than before", err("failed", "not ready"), past = { message = "no quota" } },
    { "fail() of a script", err("failed", "no", "runbooks/work.lua:5") },
  } do
    it("by " .. case[1] .. (case[3] and "" or ": nobody knows"), function()
      local text, edited = same_again.why(run(case.past), case[2])
      if case[3] then
        assert.truthy(text:find(case[3], 1, true), text)
      else
        assert.is_nil(text)
      end
      assert.equal(case[4] or false, edited or false)
    end)
  end

  it("which the journal keeps, and a resumed run says", function()
    local kept = same_again.problem(run(), err("bug", "runbooks/work.lua:5: no"))
    assert.same({ kind = "bug", message = "runbooks/work.lua:5: no", script = "runbooks/work.lua:5" }, kept)
    local past = { id = "R-1", error = kept }
    assert.matches("o2x resume R%-1 %-%-edited", same_again.warning(past, {}, false))
    assert.matches("no script was edited", same_again.warning(past, {}, true))
    assert.is_nil(same_again.warning(past, { "runbooks/work.lua" }, true))
    assert.is_nil(same_again.warning({ id = "R-1", error = { message = "no" } }, {}, false))
  end)
end)
