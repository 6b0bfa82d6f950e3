-- The refusal of a guard: one error, whichever system it comes from.

local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a guard", function()
  it("refuses in words, and is never simply tried again", function()
    local err = raised(guard.refuse, "files", "notes.md")
    assert.is_true(guard.refused(err))
    assert.same({ "conflict", false }, { err.kind, err.retryable })
    assert.equal("notes.md: somebody else changed it meanwhile; it is left as it is", tostring(err))
  end)

  it("takes what a system says for its refusal, and nothing else", function()
    local function says_so(err) return err.code == 412 end
    for _, case in ipairs {
      { { kind = "conflict", message = "m", code = 412, retryable = true }, true },
      { { kind = "failed", message = "m", code = 500, retryable = true }, false },
    } do
      local err = raised(guard.run, says_so, function() errors.raise(case[1]) end)
      assert.equal(case[2], guard.refused(err))
      assert.equal(not case[2], err.retryable)
    end
    assert.is_false(guard.refused(raised(guard.run, says_so, error, "a text", 0)))
    assert.same({ 1, nil, 3 }, { guard.run(says_so, function(...) return ... end, 1, nil, 3) })
  end)
end)
