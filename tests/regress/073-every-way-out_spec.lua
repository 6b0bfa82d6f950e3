-- Names of steps and effects, and what stood beside them, were printed as they were: each writer masked for itself, and
-- some did not.

local captured = require "tests.support.captured"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"
local progress = require "o2x.report.progress"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local toys = require "tests.support.toy"

local WORD = "open-sesame"
-- WORD plain, in capitals, in hex and in base64
local FORMS = { WORD, WORD:upper(), "6f70656e2d736573616d65", "b3Blbi1zZXNhbWU" }

local function leaks(text)
  for _, form in ipairs(FORMS) do
    if text:find(form, 1, true) then return form end
  end
end

-- ---- every function that reports, with the secret in every text ----

local TEXT = "a " .. WORD .. " b"

local function problem()
  return errors.new {
    kind = "failed",
    message = TEXT,
    hint = TEXT,
    where = TEXT,
    details = { TEXT, TEXT },
    traceback = "stack traceback:\n\t" .. TEXT,
  }
end

local WRITERS = {
  ["out.data"] = function() out.data(TEXT) end,
  ["out.text"] = function() out.text("a\n" .. TEXT) end,
  ["out.json"] = function() out.json { [TEXT] = { TEXT, { deep = TEXT } } } end,
  ["out.say"] = function() out.say(TEXT) end,
  ["out.problem"] = function() out.problem(problem(), TEXT) end,
  ["out.columns"] = function() out.columns({ { TEXT, TEXT }, { "x", TEXT } }, out.data) end,
  ["out.columns, narrow"] = function() out.columns({ { "x", (TEXT .. " "):rep(9) } }, out.data, 30) end,
}

-- Each event of a report. A step stays active, so that the live view and the heartbeat show it.
local EVENTS = {
  step_started = { TEXT .. "/" .. TEXT },
  step_done = { TEXT, 1 },
  step_recalled = { TEXT },
  step_failed = { TEXT, problem(), 1 },
  effect_started = { TEXT, TEXT, TEXT },
  effect_done = { TEXT, TEXT, TEXT, "created", 1 },
  planned = { TEXT, TEXT, TEXT, "created" },
  retry = { TEXT, TEXT, 1, problem(), 9 },
  check = { TEXT, TEXT, true, TEXT },
  message = { TEXT, "info", TEXT, { [TEXT] = TEXT, list = { TEXT }, map = { [TEXT] = TEXT } } },
  waiting = { TEXT, TEXT },
  line = { TEXT, TEXT },
  heartbeat = {},
  headline = { TEXT .. "/" .. TEXT },
  tree_line = { TEXT .. "/x", "✓", TEXT },
  inner_line = { TEXT, TEXT },
}

describe("a writer masks", function()
  local live, folder
  setup(function()
    live, folder = secret.new(WORD, "cave/word"), fs.temp_folder "/tmp/o2x-out-"
  end)
  teardown(function()
    secret.wipe(live)
    fs.remove_tree(folder)
  end)
  before_each(function() out.verbose = true end)
  after_each(function() out.verbose = false end)

  local function assert_clean(stdout, stderr)
    assert.is_nil(leaks(stdout), stdout)
    assert.is_nil(leaks(stderr), stderr)
    assert.is_truthy((stdout .. stderr):find("******", 1, true), "nothing was written")
  end

  for name, write in pairs(WRITERS) do
    it("in " .. name, function() assert_clean(captured(write)) end)
  end

  for event, arguments in pairs(EVENTS) do
    for _, on_terminal in ipairs { false, true } do
      it(("in %s of a report%s"):format(event, on_terminal and " on a terminal" or ""), function()
        local path = fs.join(folder, "log-" .. event .. tostring(on_terminal))
        local stdout, stderr = captured(function()
          local report = progress.new { live = on_terminal, verbose = true }
          report:log_to(path, { tenant = { name = "alpha" }, run = "R-1" })
          report:step_started(TEXT)
          report:waiting(TEXT, TEXT)
          report[event](report, table.unpack(arguments))
          report:during(task.sleep, 0.15)
          report:close()
        end)
        assert_clean(stdout, stderr)
        assert.is_nil(leaks(fs.read(path)))
      end)
    end
  end
end)

-- ---- whole runs, seen from outside ----

-- The script cannot contain the secret, so it puts it together.
local HEAD = 'local word = ("open-") .. "sesame"\n'

local BODIES = {
  ["a step"] = 'step("tell " .. word, function() toy.ensure("a", 1) end)',
  ["a step within a step"] = 'step("x", function() step(word, function() toy.ensure("a", 1) end) end)',
  ["a step's result"] = 'step("x", function() toy.ensure("a", 1) return { [word] = word, 7 } end)',
  ["a check"] = 'check("is it " .. word, function() return "yes, " .. word end) toy.ensure("a", 1)',
  ["a failed check"] = 'toy.ensure("a", 1) check(word, function() return false, "no, " .. word end)',
  ["a log entry"] = 'log("x " .. word, { [word] = word, list = { word }, n = 1 }) toy.ensure("a", 1)',
  ["an effect's name"] = 'toy.ensure("name-" .. word, 1)',
  ["an effect's value"] = 'toy.ensure("a", { text = "x " .. word, list = { word } })',
  ["an effect's key in a value"] = 'toy.ensure("a", { [word] = 1, other = 2 })',
  ["a change"] = 'toy.ensure("a", word) toy.ensure("a", word .. " and more")',
  ["an error"] = 'toy.ensure("a", 1) error("this is " .. word)',
  ["an error that is a table"] = 'toy.ensure("a", 1) error { message = word }',
  ["a failure"] = 'toy.ensure("a", 1) fail("this is " .. word, "try " .. word)',
  ["bad input"] = 'toy.ensure("a", 1) invalid("this is " .. word, "try " .. word, word .. ":1")',
  ["a wait"] = 'toy.ensure("a", 1) wait_until(word, 0.3, function() return nil, "because of " .. word end)',
  ["a branch"] = 'parallel { [word] = function() step(word, function() toy.ensure("a", 1) end) end }',
  ["an output's columns"] = 'toy.ensure("a", 1) '
    .. 'output { columns = { word }, rows = { { [word] = "x" }, { [word] = word } } }',
  ["an output's text"] = 'toy.ensure("a", 1) output { columns = { "a" }, rows = {}, text = "x\\n" .. word }',
  ["a call of nothing"] = "toy.ensure('a', 1) local t = {} t[word].x()",
  ["a recorded value"] = 'toy.ensure(toy.recorded(word, function() return "at " .. word end), 1)',
}

-- All that a run wrote into the store.
local function kept(folder)
  local texts = {}
  for _, name in ipairs(fs.is_folder(folder) and fs.list(folder) or {}) do
    local path = fs.join(folder, name)
    if fs.is_folder(path) then
      texts[#texts + 1] = kept(path)
    elseif fs.stat(path).type == "file" then
      texts[#texts + 1] = fs.read(path)
    end
  end
  return table.concat(texts, "\n")
end

describe("a run shows and keeps no secret that its script put into", function()
  for place, body in pairs(BODIES) do
    it(place, function()
      local toy <close> = toys.new()
      toy:runbook("tell", HEAD .. body)
      local path = toy.dir .. "/secrets.yaml"
      fs.write(path, "cave:\n  word: " .. WORD .. "\n", { mode = tonumber("600", 8) })
      local given = "--secrets=" .. path
      for _, words in ipairs {
        { "plan", "tell", "alpha", given, "--verbose", "--full" },
        { "plan", "tell", "alpha", given, "--json" },
        { "run", "tell", "alpha", given, "--verbose" },
        { "show", "--full" },
        { "show", "--json" },
        { "runs" },
        { "runs", "--json" },
        { "run", "tell", "alpha", given, "--json" },
      } do
        local result = toy:o2x(words)
        local text = result.stdout .. result.stderr
        assert.is_nil(leaks(text), table.concat(words, " ") .. "\n" .. text)
        assert.not_equal("", text)
      end
      assert.is_nil(leaks(kept(toy.state)))
    end)
  end
end)
