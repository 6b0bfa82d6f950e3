local shown = require "o2x.report.audit"

local RANKS <const> = { "customers feel it", "wrong data", "untidy" }
local PLAIN <const> = setmetatable({}, {
  __index = function()
    return function(text, other) return other or text end
  end,
})

local function finding(fields)
  local one = { rank = 1, way = "missing", what = "a house", where = "Build", lines = { "+ roof: red" } }
  for name, value in pairs(fields or {}) do
    one[name] = value
  end
  return one
end

local function report_of(...) return { tenant = "alpha", findings = { ... }, unseen = {}, inside = 0, looked = 7 } end

local function rendered(report)
  local lines = {}
  shown.render(report, RANKS, function(line) lines[#lines + 1] = line end, PLAIN)
  return table.concat(lines, "\n")
end

describe("an audit as text", function()
  it("says how many findings there are, and what else", function()
    assert.equal("no finding; 7 things are as they should be", shown.summary(report_of()))
    local report = report_of(finding())
    report.inside = 3
    assert.equal(
      "1 finding, and 3 more things in what is missing; 7 things are as they should be",
      shown.summary(report)
    )
  end)

  it("names each rank once, and gives the command that mends", function()
    local text = rendered(
      report_of(
        finding { mend = "o2x run build alpha" },
        finding { way = "failed check", what = "the roof", hint = "look up" },
        finding { rank = 3, way = "left over", what = "a ladder" }
      )
    )
    assert.matches(
      "^  customers feel it\n  %+ missing: a house %(Build%)\n      %+ roof: red\n      mend: o2x run build",
      text
    )
    assert.matches(
      "  ! failed check: the roof %(Build%)\n      %+ roof: red\n      look up\n  untidy\n  %- left over: a ladder",
      text
    )
    assert.equal(1, select(2, text:gsub("customers feel it", "")))
  end)

  it("shortens what is long", function()
    local lines = {}
    for i = 1, 50 do
      lines[i] = "+ line " .. i
    end
    assert.matches("… 44 more lines", rendered(report_of(finding { lines = lines })))
  end)

  it("shows control characters of a system as what they are", function()
    local text = rendered(report_of(finding { what = "x\27[31m", lines = { "\27]0;x\7" } }))
    assert.is_nil(text:find "[\27\7]")
  end)

  it("is Markdown that no text of a system changes", function()
    local report = report_of(finding { what = "# <b>a|b</b>", lines = { "```", "# no heading" } })
    local text = shown.markdown({ report }, RANKS, "2026-01-01T00:00:00Z")
    assert.matches("^# Audit\n\n2026%-01%-01T00:00:00Z, 1 tenants, 1 finding\n", text)
    assert.is_truthy(text:find("### missing: # \\<b\\>a\\|b\\</b\\>", 1, true), text)
    assert.is_truthy(text:find("\n````\n```\n# no heading\n````\n", 1, true), text)
  end)
end)
