local captured = require "tests.support.captured"
local out = require "o2x.report.out"
local plans = require "o2x.engine.plan"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local PLAIN <const> = setmetatable({}, {
  __index = function()
    return function(text, other) return other or text end
  end,
})

local function change(kind, key, outcome, lines)
  return {
    kind = kind,
    key = key,
    path = "Build",
    outcome = outcome,
    show = { lines = lines },
    before = nil,
    after = { n = 1 },
  }
end

local function rendered(plan, full)
  local lines = {}
  plan:render(function(line) lines[#lines + 1] = line end, PLAIN, full)
  return table.concat(lines, "\n")
end

describe("a plan", function()
  local plan
  before_each(function() plan = plans.new() end)

  it("counts what would happen", function()
    assert.is_false(plan:has_changes())
    plan:change(change("pg.row", "a", "created"))
    plan:change(change("pg.row", "b", "changed"))
    plan:unchanged { kind = "pg.row", key = "c", path = "Build" }
    assert.is_true(plan:has_changes())
    assert.same({ created = 1, changed = 1, deleted = 0, unchanged = 1 }, plan:counts())
    assert.equal("1 to create, 1 to change, 0 to delete, 1 unchanged.", plan:totals())
  end)

  it("shows its changes by system, in the order of the run", function()
    plan:change(change("vault.secret", "v", "created", { "+ x: 1" }))
    plan:change(change("pg.row", "p", "deleted", { "- y: 2" }))
    plan:change(change("vault.policy", "w", "changed", { "~ z: 1 → 2" }))
    local text = rendered(plan)
    assert.matches("vault\n  %+ v\n      %+ x: 1\n  ~ w\n      ~ z: 1 → 2\n\npg\n  %- p\n      %- y: 2", text)
  end)

  it("cuts long changes short, unless all is wanted", function()
    local lines = {}
    for i = 1, 20 do
      lines[i] = "+ line " .. i
    end
    plan:change(change("pg.row", "a", "created", lines))
    assert.matches("line 12\n.*8 more lines", rendered(plan))
    assert.is_nil(rendered(plan):find("line 13", 1, true))
    assert.matches("line 20", rendered(plan, true))
  end)

  it("lists the checks that can only be made afterwards", function()
    plan:check_later("Build", "the roof is red")
    plan:check_later("", "all is well")
    assert.matches("%? Build: the roof is red\n  %? all is well", rendered(plan))
  end)

  it("shows no secret", function()
    local _ = secret.new("sesame-sesame-plan", "x")
    plan:change(change("pg.row", "a", "created", { "+ key: sesame-sesame-plan" }))
    local shown = captured(function() plan:render(out.data, out.style(1), true) end)
    assert.matches("key: ******", shown, 1, true)
  end)

  it("is plain values for --json", function()
    plan:change {
      kind = "pg.row",
      key = "a",
      path = "Build",
      outcome = "created",
      show = { title = "row a", lines = { "+ n: 1" } },
      after = { n = value.unknown },
    }
    local data = plan:data()
    assert.same({ "Build", "pg.row", "a", "created", "row a" }, {
      data.changes[1].step,
      data.changes[1].kind,
      data.changes[1].target,
      data.changes[1].outcome,
      data.changes[1].title,
    })
    assert.same({ create = 1, change = 0, delete = 0, unchanged = 0 }, data.totals)
    assert.is_false(value.is_unknown(data.changes[1].after.n))
  end)
end)

describe("plan.totals", function()
  it("counts what was recalled as unchanged", function()
    local counts = { created = 1, changed = 2, deleted = 3, unchanged = 4, recalled = 5 }
    assert.same({ create = 1, change = 2, delete = 3, unchanged = 9 }, plans.totals(counts))
  end)
end)
