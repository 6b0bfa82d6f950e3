local dsl = require "o2x.script.dsl"
local secret = require "o2x.base.secret"

-- The words over a run of this mode.
local function words(mode, changes)
  local run = {
    mode = mode or "apply",
    plan = { has_changes = function() return changes or false end },
    waited = {},
    logged = {},
  }
  run.ctx = {
    waiting = function(_, text) table.insert(run.waited, text) end,
    look_again = function() run.looks = (run.looks or 0) + 1 end,
    patience = function(_, seconds) return seconds end,
    log = function(_, level, text) table.insert(run.logged, level .. " " .. text) end,
  }
  local sandbox = {
    running = function() return run end,
    where = function() return "x.lua:3" end,
    said = function() return "x.lua:3" end,
  }
  return dsl.new(sandbox), run
end

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("parallel", function()
  it("gives each result under its name", function()
    local results = words().parallel { a = function() return 1 end, b = function() return 2 end }
    assert.same({ a = 1, b = 2 }, results)
  end)

  it("runs side by side; in a plan one after the other, in the order of the keys", function()
    local task = require "o2x.base.task"
    local function order_of(mode)
      local order, functions = {}, {}
      for i = 1, 11 do
        functions[i] = function()
          order[#order + 1] = i
          task.sleep(0.001)
          order[#order + 1] = -i
        end
      end
      words(mode).parallel(functions)
      return order
    end
    assert.equal(11, order_of "apply"[11])
    local planned = order_of "plan"
    for i = 1, 11 do
      assert.same({ i, -i }, { planned[2 * i - 1], planned[2 * i] })
    end
  end)

  it("each keeps the order of the list", function()
    assert.same({ 2, 4, 6 }, words().parallel.each({ 1, 2, 3 }, function(n) return n * 2 end, { limit = 2 }))
  end)

  it("wants functions, a list and a sensible limit", function()
    local parallel = words().parallel
    assert.equal("x.lua:3", raised(parallel, { a = 1 }).where)
    raised(parallel, 1)
    raised(parallel.each, nil, print)
    raised(parallel.each, {}, 7)
    for _, limit in ipairs { 0, -1, 1.5, "2" } do
      raised(parallel.each, {}, print, { limit = limit })
    end
  end)
end)

describe("wait_until", function()
  it("asks until it gets an answer, and shows why not yet", function()
    local word, run = words()
    local asked = 0
    local found = word.wait_until("the pod", 60, function(name)
      asked = asked + 1
      if asked < 2 then return nil, name .. " is pending" end
      return "ready"
    end, "p-1")
    assert.equal("ready", found)
    assert.same({ "the pod (p-1 is pending)" }, run.waited)
  end)

  it("gives up in time, with the last reason", function()
    local err = raised(words().wait_until, "the pod", 0, function() return false, "still pending" end)
    assert.equal("timeout", err.kind)
    assert.matches("the pod: .*still pending", err.message)
  end)

  it(
    "does not wait for what is only planned",
    function() assert.is_nil(words("plan", true).wait_until("the pod", 60, error)) end
  )

  it("looks once in a plan without changes, and lists what the run will wait for", function()
    local word, run = words "plan"
    local listed = {}
    run.plan.check_later = function(_, path, name) listed[#listed + 1] = path .. name end
    assert.equal(7, word.wait_until("the pod", 60, function() return 7 end))
    assert.is_nil(word.wait_until("the pod", 60, function() return false, "pending" end))
    assert.same({ "the pod (now: pending)" }, listed)
  end)

  it("wants a text, seconds and a function", function()
    raised(words().wait_until, 60, "x", print)
    raised(words().wait_until, "x", 60)
  end)
end)

describe("fail and invalid", function()
  it("end the run with the script's place", function()
    local err = raised(words().fail, "no", "do that")
    assert.same({ "failed", "no", "do that", "x.lua:3" }, { err.kind, err.message, err.hint, err.where })
  end)

  it("tell a failure from bad input", function()
    assert.equal("input", raised(words().invalid, "no").kind)
    assert.equal("tenant.yaml:2", raised(words().invalid, "no", nil, "tenant.yaml:2").where)
  end)
end)

describe("output", function()
  it("is the table that is given last", function()
    local word, run = words()
    word.output { columns = { "a" }, rows = {} }
    local second = { columns = { "b" }, rows = {}, exit = 2 }
    word.output(second)
    assert.same(second, run.output)
  end)

  it("does not change when the script changes its tables later", function()
    local word, run = words()
    local row = { a = 1 }
    local given = { columns = { "a" }, rows = { row } }
    word.output(given)
    row.a, given.exit, given.columns[1] = secret.new("a secret of some length", "x"), 7, {}
    assert.same({ columns = { "a" }, rows = { { a = 1 } } }, run.output)
  end)

  for what, given in pairs {
    ["a text that is a table"] = { columns = { "a" }, rows = {}, text = {} },
    ["a column that is a table"] = { columns = { {} }, rows = {} },
    ["a row that is a text"] = { columns = { "a" }, rows = { "x" } },
    ["another exit code"] = { columns = { "a" }, rows = {}, exit = 130 },
    ["a metatable"] = setmetatable({ columns = { "a" }, rows = {} }, { __index = {} }),
    ["rows with a metatable"] = { columns = { "a" }, rows = setmetatable({}, { __len = function() return 1 end }) },
    ["a file that nobody named"] = { checks = true, junit = "/tmp/x.xml" },
  } do
    it("refuses " .. what, function()
      local word, run = words()
      assert.is_truthy(raised(word.output, given).message)
      assert.is_nil(run.output)
    end)
  end

  it("writes a file that is the value of a parameter", function()
    local word, run = words()
    run.params = { file = "x.xml" }
    word.output { checks = true, junit = "x.xml" }
    assert.equal("x.xml", run.output.junit)
  end)

  it("is nothing else, and shows no secret", function()
    local output = words().output
    raised(output, "text")
    raised(output, { columns = { "a" } })
    raised(output, { checks = true, exit = 1 })
    local err = raised(output, { columns = { "a" }, rows = { { a = secret.new("sesame-sesame", "a") } } })
    assert.equal("refused", err.kind)
  end)
end)

describe("log", function()
  it("goes to the run", function()
    local word, run = words()
    word.log "hello"
    assert.same({ "info hello" }, run.logged)
  end)
end)

describe("timeout", function()
  it("gives the result, or ends what takes too long", function()
    local word = words()
    assert.equal(1, word.timeout(60, function() return 1 end))
    assert.equal("timeout", raised(word.timeout, 0.001, word.sleep, 60).kind)
  end)
end)

describe("sleep", function()
  it("takes no time in a plan", function() words("plan").sleep(3600) end)
end)
