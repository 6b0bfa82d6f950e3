-- Every command that a message, a hint or a help text proposes is collected from the sources, and each has its row in
-- tests/support/proposed/. A new proposal without a row fails, and so does a row whose proposal is gone.

local fs = require "o2x.base.fs"
local proposed = require "tests.support.proposed"
local rows = require "tests.support.proposed.rows"

local function all_rows()
  local known = {}
  for name, list in pairs(rows.HELP) do
    for _, command in ipairs(list) do
      known[("runbooks/%s.lua: %s"):format(name, command)] = true
    end
  end
  for key in pairs(rows.ROWS) do
    known[key] = true
  end
  return known
end

describe("what o2x proposes", function()
  it(
    "is a command or a sentence that is known",
    function()
      assert.same({}, proposed.unknown(), "neither a command nor a sentence that tests/support/proposed.lua knows")
    end
  )

  it("has a row, each of it", function()
    local missing, known = {}, all_rows()
    for _, key in ipairs(proposed.collect()) do
      if not known[key] then missing[#missing + 1] = key end
      known[key] = nil
    end
    assert.same({}, missing, "proposed without a row in tests/support/proposed/")
    assert.same({}, known, "rows whose command nobody proposes")
  end)

  it("is looked at by specs that exist", function()
    for key, row in pairs(rows.ROWS) do
      local spec = type(row) == "table" and row.by
      assert(not spec or fs.exists(spec), ("%s: there is no %s"):format(key, tostring(spec)))
    end
  end)
end)
