-- An effect as people and programs see it.

local effect = require "o2x.report.effect"
local out = require "o2x.report.out"

describe("an effect", function()
  local lines, data
  before_each(function()
    lines, data = {}, out.data
    out.data = function(text) lines[#lines + 1] = text end
  end)
  after_each(function() out.data = data end)

  local STYLE <const> = { sign = function(_, text) return text end, dim = function(text) return text end }

  local function entry(count)
    local change = {}
    for i = 1, count do
      change[i] = "+ line " .. i
    end
    return {
      kind = "toy.value",
      key = "k",
      outcome = "changed",
      seconds = 2,
      show = { title = "title", lines = change },
    }
  end

  it("is a line, and the lines of its change", function()
    effect.write(entry(2), "  ", STYLE, false, ", undone")
    assert.same({ "  ~ toy.value  title  changed, 2 s, undone", "      + line 1", "      + line 2" }, {
      (lines[1]:gsub("value title", "value  title")),
      lines[2],
      lines[3],
    })
  end)

  it("is cut where its change is long, unless all is wanted", function()
    effect.write(entry(20), "", STYLE, false)
    assert.same({ 14, "    … 8 more lines (--full)" }, { #lines, lines[14] })
    lines = {}
    effect.write(entry(20), "", STYLE, true)
    assert.equal(21, #lines)
  end)

  it("is data", function()
    local found = effect.data { id = "e", path = "s", kind = "toy.value", key = "k", outcome = "created", image = 1 }
    assert.same({ "k", 1, 0, "s" }, { found.target, found.after, found.retries, found.step })
  end)
end)
