local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local plans = require "o2x.engine.plan"
local secret = require "o2x.base.secret"
local silent = require "tests.support.silent"
local step = require "o2x.script.step"
local task = require "o2x.base.task"

-- A run that keeps its records in a list; past: steps that are done already, path → result.
local function new_run(past)
  local report = silent()
  local run = { seen_steps = {}, report = report, records = {}, now = function() return "now" end }
  run.journal = { append = function(_, record) table.insert(run.records, record) end }
  if past then run.past = { step = function(_, path) return past[path] and { result = past[path] } end } end
  return run
end

local function brief(run)
  local list = {}
  for i, record in ipairs(run.records) do
    list[i] = record.t .. " " .. (record.path or "")
  end
  return list
end

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a step", function()
  it("is noted before and after its function, which gets its arguments", function()
    local run = new_run()
    assert.equal(3, step.step(run, "add", function(a, b) return a + b end, 1, 2))
    assert.same({ "step add", "done add" }, brief(run))
    assert.equal(3, run.records[2].result)
  end)

  it("gives a copy, the same as a resumed run gets", function()
    local run, kept = new_run(), { list = { 1 } }
    local result = step.step(run, "make", function() return kept end)
    result.list[1] = 2
    assert.same({ list = { 1 } }, kept)
    assert.same({ list = { 1 } }, run.records[2].result)
    local past = { make = { 1 } }
    step.step(new_run(past), "make", print)[1] = 2
    assert.same({ make = { 1 } }, past)
  end)

  it("reads through views, and refuses a metatable", function()
    local run = new_run()
    assert.same({ a = { 1 } }, step.step(run, "view", function() return frozen.new { a = { 1 } } end))
    assert.same({ a = { 1 } }, run.records[2].result)
    local err = raised(step.step, run, "class", function() return { setmetatable({}, { __index = {} }) } end)
    assert.matches("the result of step class %[1%]: the table has a metatable", err.message)
  end)

  it("in another one has both names in its path", function()
    local run = new_run()
    step.step(run, "outer", function()
      step.step(run, "inner", function() assert.equal("outer/inner", step.path()) end)
      assert.equal("outer", step.path())
    end)
    assert.equal("", step.path())
    assert.same({ "step outer", "step outer/inner", "done outer/inner", "done outer" }, brief(run))
  end)

  it("in branches side by side keeps its own path", function()
    local run = new_run()
    task.each({ "a", "b" }, function(name)
      step.step(run, name, function()
        task.sleep(0.001)
        assert.equal(name, step.path())
      end)
    end)
  end)

  it("that is done already gives its result and is not run again", function()
    local run = new_run { number = 7 }
    assert.equal(7, step.step(run, "number", error))
    assert.same({}, run.records)
  end)

  it("that fails is noted, and named in the error", function()
    local run = new_run()
    local err = raised(step.step, run, "outer", step.step, run, "inner", errors.input, "bad")
    assert.equal("outer/inner", err.step)
    assert.same({ "step outer", "step outer/inner", "fail outer/inner", "fail outer" }, brief(run))
  end)

  it("cannot have the name of one beside it", function()
    local run = new_run()
    step.step(run, "x", function() end)
    assert.matches("duplicate step name: x", raised(step.step, run, "x", function() end).message)
    step.step(run, "y", function()
      step.step(run, "x", function() end)
    end)
  end)

  it("cannot have a name that is none", function()
    for _, name in ipairs { "", "a/b", "a\nb", ("x"):rep(201), "\xff", 7 } do
      assert.equal("failed", raised(step.step, new_run(), name, function() end).kind)
    end
  end)

  it("needs a function", function() assert.matches("function", raised(step.step, new_run(), "x").message) end)

  it("may not return a secret", function()
    local run = new_run()
    local err = raised(step.step, run, "x", function() return { key = secret.new("sesame-sesame", "key") } end)
    assert.equal("refused", err.kind)
    assert.same({ "step x" }, brief(run))
  end)
end)

describe("a check", function()
  it("gives what it found, and notes it", function()
    local run = new_run()
    assert.equal("red", step.check(run, "colour", function() return "red" end))
    assert.same({ true, "red" }, { run.records[1].ok, run.records[1].found })
    assert.same({ check = "colour", ok = true, found = "red", seconds = run.checks[1].seconds }, run.checks[1])
  end)

  it("fails by false and a reason, or by an error", function()
    local run = new_run()
    local err = raised(step.check, run, "colour", function() return false, "it is blue" end)
    assert.equal("check failed: colour: it is blue", err.message)
    assert.equal("bad", raised(step.check, run, "x", errors.input, "bad").message)
    assert.same({ false, false }, { run.records[1].ok, run.records[2].ok })
  end)

  it("knows that it is one", function()
    step.check(new_run(), "x", function() assert.is_true(step.in_check()) end)
    assert.is_false(step.in_check())
  end)

  it("is looked at in an audit that has changes, and notes that it failed", function()
    local plan, run = plans.new(), new_run()
    run.mode, run.auditing, run.plan = "plan", true, plan
    plan:change { kind = "toy.value", key = "roof", outcome = "created", place = "0" }
    assert.is_nil(step.check(run, "it is dry", function() return false, "it rains" end))
    assert.is_nil(step.check(run, "the roof is red", function(roof) return roof.colour == "red" end))
    assert.equal("yes", step.check(run, "it stands", function() return "yes" end))
    assert.same({}, plan.checks)
    assert.equal("check failed: it is dry: it rains", tostring(plan.failed[1].error))
    assert.equal("the roof is red", plan.failed[2].name)
    assert.is_nil(plan.failed[3])
  end)

  it("is only listed in a plan that has changes", function()
    local run, listed = new_run(), nil
    run.mode = "plan"
    run.plan = {
      checks_later = function() return true end,
      check_later = function(_, path, name) listed = path .. ":" .. name end,
    }
    assert.is_nil(step.check(run, "x", error))
    assert.equal(":x", listed)
  end)
end)
