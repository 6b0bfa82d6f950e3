local contexts = require "o2x.engine.context"
local task = require "o2x.base.task"

local function new(fields)
  local told = {}
  local run = {
    mode = "apply",
    tenant = { name = "acme" },
    records = {},
    report = {
      waiting = function(_, path, text) told[#told + 1] = path .. "|" .. text end,
      message = function(_, path, level, text) told[#told + 1] = path .. "|" .. level .. "|" .. text end,
    },
    client = function(name) return "client of " .. name end,
    sandbox = { where = function() return "runbooks/x.lua:3" end, said = function() return "runbooks/x.lua:3" end },
  }
  run.journal = { append = function(_, record) table.insert(run.records, record) end }
  for name, value in pairs(fields or {}) do
    run[name] = value
  end
  return contexts.new(run), run, told
end

describe("what effects get of a run", function()
  it("is its tenant, its mode and its clients", function()
    local ctx = new()
    assert.same({ "acme", "apply", "client of pg" }, { ctx.tenant.name, ctx.mode, ctx:client "pg" })
  end)

  it("is not the run itself", function()
    local ctx = new()
    for name, value in pairs(ctx) do
      assert.is_false(type(value) == "table" and value.journal ~= nil, name)
    end
  end)

  it("is asked for an answer once in a plan, and each time in a run", function()
    for mode, times in pairs { plan = 1, apply = 3 } do
      local ctx, asked = new { mode = mode }, 0
      local function ask(name)
        asked = asked + 1
        return name, asked
      end
      for _ = 1, 3 do
        assert.equal("a", (ctx:once("a system a", ask, "a")))
      end
      assert.equal(times, asked, mode)
    end
  end)

  it("is asked again in a plan that has waited, after an error, and for something else", function()
    local ctx, asked = new { mode = "plan" }, {}
    local function ask(name, fails)
      asked[#asked + 1] = name
      if fails then error("no", 0) end
      return name
    end
    assert.is_false(pcall(ctx.once, ctx, "a", ask, "a", true))
    ctx:once("a", ask, "a")
    ctx:once("b", ask, "b")
    ctx:look_again()
    ctx:once("a", ask, "a")
    assert.same({ "a", "a", "b", "a" }, asked)
  end)

  it("waits in a run, and not in an audit, which reports what is", function()
    assert.equal(300, new():patience(300))
    assert.equal(0, new({ mode = "plan", auditing = true }):patience(300))
  end)

  it("waits neither in a plan, which lists it", function()
    assert.is_false(new():waits_later())
    assert.is_true(new({ mode = "plan" }):waits_later())
    assert.is_false(new({ mode = "plan", auditing = true }):waits_later())
  end)

  it("has its time for names, and none in a plan", function()
    local ctx = new()
    ctx.run_id = "R-20260210-120000-1c3b"
    assert.equal("20260210-120000", ctx:stamp_of_the_run())
    ctx = new { mode = "plan" }
    ctx.run_id = "plan"
    assert.equal("plan", ctx:stamp_of_the_run())
    ctx = new { mode = "plan", guide = {}, plan = { values = {} } }
    ctx.run_id = "by-hand"
    assert.matches("^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d$", ctx:stamp_of_the_run())
  end)

  it("may lack what the plan would make, and in an audit everything", function()
    local overlay = { is_new = function(_, kind, key) return kind == "pg.database" and key == "mine" end }
    assert.is_true(new({ mode = "plan", gate = { overlay = overlay } }):may_be_missing("pg.database", "mine"))
    assert.is_false(new({ mode = "plan", gate = { overlay = overlay } }):may_be_missing("pg.database", "other"))
    assert.is_false(new({ gate = { overlay = overlay } }):may_be_missing("pg.database", "mine"))
    assert.is_true(new({ mode = "plan", auditing = true }):may_be_missing("pg.database", "other"))
  end)

  it("tells who watches, with the step", function()
    local ctx, _, told = new()
    task.within("step_path", "Build", function()
      ctx:waiting "the paint"
      ctx:log("info", "hello")
    end)
    assert.same({ "Build|the paint", "Build|info|hello" }, told)
  end)

  it("refuses with the script's line", function()
    local ok, err = pcall(new().refuse, new(), "no", "do that")
    assert.is_false(ok)
    assert.same({ "refused", "no", "do that", "runbooks/x.lua:3" }, { err.kind, err.message, err.hint, err.where })
  end)

  it("knows whether a plan has written something", function()
    assert.is_false(new():planned())
    local plan = { has_changes = function() return true end }
    assert.is_true(new({ mode = "plan", plan = plan }):planned())
  end)
end)

describe("a recorded value", function()
  it("is kept in the journal under its step, its name and its number", function()
    local ctx, run = new()
    assert.equal(7, ctx:recorded("clock", function() return 7 end))
    assert.equal(8, ctx:recorded("clock", function() return 8 end))
    assert.same({ ": clock #1", ": clock #2" }, { run.records[1].key, run.records[2].key })
    assert.same({ 7, 8 }, { run.records[1].value, run.records[2].value })
  end)

  it("is what the run saw before, and not asked for again", function()
    local past = { value = function(_, key) return key == ": clock #1" and { value = 7 } or nil end }
    local ctx, run = new { past = past }
    assert.equal(7, ctx:recorded("clock", error))
    assert.equal(9, ctx:recorded("clock", function() return 9 end))
    assert.equal(1, #run.records)
  end)
end)
