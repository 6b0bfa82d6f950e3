-- Every line that is proposed works: kinds of failures × commands, on the toy platform. What stands after "next:" is
-- pasted as it was printed, while the cause is there: it may fail for that cause only. Then the cause is mended, and
-- the line leads to the end. A line after "to do it:" or "type:" works at once.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local INT <const>, KILL <const> = 2, 9 -- signals

local PARAMS <const> = [[params = {
  size = { "integer", default = 1, max = 9, help = "x" },
  parts = { "list", choices = { "roof", "cellar" }, optional = true, help = "x" },
},]]

local BODY <const> = [[
    step("Find", function() return toy.read "ground" end)
    step("Make", toy.ensure, "a-" .. tenant.name, params.size)
    step("More", toy.ensure, "b-" .. tenant.name, params.size)
]]

local function write(toy, before, after, fields)
  toy:runbook("frail", (before or "") .. BODY .. (after or ""), (fields or "") .. PARAMS)
end

local function peace(how) return ('step("Look", function() if not toy.read "peace" then %s end end)\n'):format(how) end

local INVALID <const> = peace 'invalid("there is no peace", "make it", "x.yaml:1")'
local FAIL <const> = peace 'fail("there is no peace", "make it")'
local CHECK <const> = [[check("peace", function() if not toy.read "peace" then fail "there is no peace" end end)]]
local BUG <const> = [[step("Use", function() local x = nil; return x.y end)]]

local function make_peace(toy) fs.write(toy.system .. "/peace", "1") end
local function alpha(toy) return toy.project .. "/platform/tenants/alpha.yaml" end

local function freeze(toy)
  toy:write("o2x.yaml", "calendar: calendar.yaml\n")
  toy:write("calendar.yaml", "freezes:\n  - {name: eve, from: 2020-01-01, to: 2199-01-01}\n")
end

local function thaw(toy) fs.remove(toy.project .. "/o2x.yaml") end

-- What a system answers to every read.
local function answers(kind)
  return function(toy) fs.write(toy.system .. "/.down", kind) end
end

local function back(toy) fs.remove(toy.system .. "/.down") end

-- Each write of b-… fails once.
local function fault(kind)
  return function(toy)
    for _, tenant in ipairs { "alpha", "beta" } do
      toy:fault("b-" .. tenant, kind)
    end
  end
end

local function others(toy, there)
  for _, tenant in ipairs { "alpha", "beta" } do
    local path = toy.system .. "/.theirs-b-" .. tenant
    if there then
      fs.write(path, "")
    else
      fs.remove(path)
    end
  end
end

local RUNS <const> = { run = true, json = true, fleet = true, resume = true }
local FORWARD <const> = { run = true, json = true, fleet = true, apply = true, resume = true }
local ALL <const> =
  { plan = true, run = true, json = true, apply = true, resume = true, undo = true, fleet = true, undo_fleet = true }
local FRESH <const> = { run = true, json = true, fleet = true }

-- what; breaks; says (a pattern); mends; of: the commands that meet it; first: before the earlier run of a resume or an
-- undo; once: the second time it gets through
local FAILURES <const> = {
  { "a system that is down", answers "unreachable", "the toy does not answer", back, of = ALL },
  { "a system that lets nobody in", answers "unauthorised", "the toy does not answer", back, of = ALL },
  {
    "an error of Lua in a step",
    function(toy) write(toy, nil, BUG) end,
    "attempt to index a nil value",
    function(toy) write(toy) end,
    of = RUNS,
    first = true,
  },
  {
    "a check that is not true",
    function(toy) write(toy, nil, CHECK) end,
    "there is no peace",
    make_peace,
    of = RUNS,
    first = true,
  },
  {
    "a file that is wrong, at the end",
    function(toy) write(toy, nil, INVALID) end,
    "x.yaml:1: there is no peace",
    make_peace,
    of = RUNS,
    first = true,
  },
  {
    "a file that is wrong, at the beginning",
    function(toy) write(toy, INVALID) end,
    "x.yaml:1: there is no peace",
    make_peace,
    of = FRESH,
    first = true,
  },
  {
    "what the first step needs",
    function(toy) write(toy, FAIL) end,
    "there is no peace",
    make_peace,
    of = FRESH,
    first = true,
  },
  { "a write that fails once", fault "failed", "the toy has a fault", function() end, of = FORWARD, once = true },
  {
    "a write that fails once in an undo",
    fault "failed",
    "the toy has a fault",
    function() end,
    of = {
      undo = true,
      undo_fleet = true,
    },
    once = true,
  },
  {
    "a value of others",
    function(toy) others(toy, true) end,
    "belongs to others",
    function(toy) others(toy, false) end,
    of = { run = true, json = true, fleet = true, apply = true, resume = true, undo = true, undo_fleet = true },
  },
  {
    "a freeze",
    freeze,
    "is frozen until",
    thaw,
    of = {
      run = true,
      json = true,
      apply = true,
      resume = true,
      undo = true,
      fleet = true,
      undo_fleet = true,
    },
  },
  {
    "a tenant's file that is wrong",
    function(toy) fs.write(alpha(toy), "companies: Alpha\n") end,
    "company is missing",
    function(toy) fs.write(alpha(toy), "company: Alpha Ltd\n") end,
    of = { plan = true, run = true, json = true, resume = true, undo = true, fleet = true, undo_fleet = true },
  },
  {
    "a tenant's file that is gone",
    function(toy) fs.remove(alpha(toy)) end,
    "unknown tenant alpha",
    function(toy) fs.write(alpha(toy), "company: Alpha Ltd\n") end,
    of = { plan = true, run = true, json = true, resume = true, undo = true, fleet = true, undo_fleet = true },
  },
  {
    "a step that waits longer than a run may take",
    function(toy)
      toy:write("o2x.yaml", "limits: {run: 1}\n")
      write(toy, nil, 'step("Wait", function() if not toy.read "peace" then toy.wait(60) end end)')
    end,
    "limits%.run",
    function(toy)
      fs.remove(toy.project .. "/o2x.yaml")
      make_peace(toy)
    end,
    of = { run = true, fleet = true },
    first = true,
  },
}

-- ---- as somebody types it ----

local function bash(toy, command, env)
  local path = toy.dir .. "/bin/o2x"
  local program = ('#!/bin/sh\nexec "%s" "%s/tests/support/o2x.lua" "$@"\n'):format(fs.realpath(build.dev), fs.cwd())
  if not fs.exists(path) then fs.write(path, program, { mode = 493, parents = true }) end
  local all = toy:environment(env)
  all.O2X_COMMAND, all.PATH = "o2x", ("%s/bin:%s"):format(toy.dir, os.getenv "PATH")
  return proc.run { argv = { "bash", "-c", command }, env = all, cwd = toy.project, timeout = 60 }
end

local function works(toy, command)
  local result = bash(toy, command)
  assert.equal(0, result.code, ("%s\n%s"):format(command, result.stderr))
  return result
end

local function newest(toy, kind) return toy:o2x({ "runs" }).stdout:match("%f[%w]" .. kind .. "%-[%w-]+") end

local function done(toy) works(toy, "o2x run frail alpha") end
local function both_done(toy) works(toy, "o2x run frail --tenants=alpha,beta") end
local function stopped(toy) bash(toy, "o2x run frail alpha", { O2X_KILL_AT = "4" }) end
local function nothing() end

-- what is done before, and the command
local COMMANDS <const> = {
  plan = { nothing, function() return "o2x plan frail alpha" end },
  run = { nothing, function() return "o2x run frail alpha" end },
  json = { nothing, function() return "o2x run frail alpha --json" end },
  apply = {
    function(toy) works(toy, "o2x plan frail alpha --out=a.plan") end,
    function() return "o2x apply a.plan" end,
  },
  resume = { stopped, function(toy) return "o2x resume " .. newest(toy, "R") end },
  undo = { done, function(toy) return ("o2x undo %s --confirm=alpha"):format(newest(toy, "R")) end },
  fleet = { nothing, function() return "o2x run frail --tenants=alpha,beta" end },
  undo_fleet = {
    both_done,
    function(toy) return ("o2x undo %s --confirm=alpha,beta"):format(newest(toy, "F")) end,
  },
}

-- The line that is proposed, and whether it works at once.
local function proposed(result)
  local at_once = result.stderr:match "to do it: ([^\n]+)" or result.stderr:match "type: ([^\n]+)"
  local following = result.stderr:match "next: ([^\n]+)\n$"
  if result.stdout:sub(1, 1) == "{" then assert.equal(following, json.decode(result.stdout).next) end
  assert.is_nil(at_once and following, result.stderr)
  return at_once or following, at_once ~= nil
end

local function fails(result, says, command)
  assert.are_not.equal(0, result.code, command)
  assert.matches(says, result.stderr, 1, false, command)
  assert.is_nil(result.stderr:find "stack traceback")
  assert.is_nil(result.stderr:find("a bug in o2x", 1, true))
end

local function play(toy, failure, name)
  local command = COMMANDS[name]
  write(toy)
  if failure.first then failure[2](toy) end
  command[1](toy)
  if not failure.first then failure[2](toy) end
  local typed = command[2](toy)
  local result = bash(toy, typed)
  fails(result, failure[3], typed)
  local line, at_once = proposed(result)
  if at_once then return works(toy, (line:gsub("=WHY$", "='a fire'"))) end -- a reason is a person's own
  if line and not failure.once then
    local again = bash(toy, line)
    fails(again, failure[3], line)
    line = proposed(again) or line
  end
  failure[4](toy)
  if failure.once and name:find "fleet" then line = proposed(bash(toy, line)) end -- the other tenant meets it, too
  works(toy, line or typed)
  assert.equal("[]\n", bash(toy, "o2x runs --unfinished --json").stdout)
end

describe("what is proposed after", function()
  for _, failure in ipairs(FAILURES) do
    for name in pairs(failure.of) do
      it(("%s: %s"):format(failure[1], name), function()
        local toy <close> = toys.new()
        play(toy, failure, name)
      end)
    end
  end
end)

-- ---- wrong words ----

-- typed; said; what is proposed (a pattern), which works; or else nothing is, for the same again is as wrong
local SEVERE <const> = "severe = true, "
local WORDS <const> = {
  { "o2x run frail alpha siz=3", 'no parameter "siz"; did you mean size%?' },
  { "o2x run frail alpha size=12", "must be at most 9" },
  { "o2x run frail alpha parts=roof,cellr", 'there is no "cellr"; did you mean cellar%?.*parts: roof, cellar' },
  { "o2x run frail alpha size=3", "frail is severe", "to do it: (o2x run frail alpha size=3 %-%-confirm=alpha)\n" },
  { "o2x frail alpha --json", "frail is severe", "to do it: (o2x frail alpha %-%-json %-%-confirm=alpha)\n" },
  { "o2x run frail alpha --confirm=beta", "the run is for alpha.*repeat the tenant's name: %-%-confirm=alpha" },
  { "o2x run frail --tenants=alpha,beta size=x", 'size: "x" is not an integer' },
  {
    "o2x run frail --tenants=alpha,beta",
    "frail is severe",
    "to do it: (o2x run frail %-%-tenants=alpha,beta %-%-confirm=alpha,beta)\n",
  },
  { "o2x run frail --tenants=alpha --confirm=beta", "repeat the selector: %-%-confirm=alpha\n" },
  { "o2x run frail alhpa", "unknown tenant alhpa; did you mean alpha%?" },
  { "o2x run frial alpha", "unknown runbook frial; did you mean frail%?" },
  {
    "o2x run alpha frail --confirm=alpha",
    "alpha is no runbook, and frail is one: the runbook comes first",
    "type: (o2x run frail alpha %-%-confirm=alpha)\n",
  },
  { "o2x alpha frail --confirm=alpha", "unknown command 'alpha'", "type: (o2x frail alpha %-%-confirm=alpha)\n" },
  { "o2x plan frail alpha parts=x", 'there is no "x"' },
  { "o2x undo R-19990101-000000-0000", "unknown run.*(o2x runs)" },
  { "o2x resume", "no unfinished run.*(o2x runs)" },
}

describe("wrong words:", function()
  for _, case in ipairs(WORDS) do
    it(case[1], function()
      local toy <close> = toys.new()
      write(toy, nil, nil, SEVERE)
      local result = bash(toy, case[1])
      assert.equal(3, result.code, result.stderr)
      assert.matches(case[2], result.stderr)
      assert.is_nil(result.stderr:find("next: ", 1, true), result.stderr)
      local line = case[3] and result.stderr:match(case[3])
      if case[3] then works(toy, assert(line, result.stderr)) end
      assert.equal(case[3] ~= nil, proposed(result) ~= nil, result.stderr)
    end)
  end
end)

-- ---- what is over by itself, and what was cut off ----

describe("what is proposed of", function()
  local toy

  before_each(function()
    toy = toys.new()
    write(toy, nil, 'step("Wait", function() if not toy.read "peace" then toy.ensure("waits", 1) toy.wait(60) end end)')
  end)
  after_each(function() toy:__close() end)

  local function is_waiting() return fs.exists(toy.system .. "/waits") end

  it("a tenant that another run holds works once that one has ended", function()
    local child <close> = toy:start({ "run", "frail", "alpha" }, nil, toy.dir .. "/said")
    eventually("the run that waits", is_waiting)
    for _, typed in ipairs { "o2x run frail alpha", "o2x run frail --tenants=alpha,beta" } do
      local result = bash(toy, typed)
      assert.equal(5, result.code, result.stderr)
      assert.matches("alpha is locked", result.stderr)
      assert.matches("wait until it ends", result.stderr)
    end
    local fleet = bash(toy, "o2x run frail --tenants=alpha,beta")
    assert.matches("refused  frail: 0 of 2 tenants", fleet.stderr)
    local line = proposed(fleet)
    child:kill(INT)
    proc.wait(child, 30)
    make_peace(toy)
    works(toy, line)
  end)

  it("runs that were interrupted or killed goes on", function()
    for _, case in ipairs {
      { INT, { "run", "frail", "alpha" } },
      { INT, { "run", "frail", "--tenants=alpha,beta" } },
      { KILL, { "run", "frail", "alpha" } },
      { KILL, { "run", "frail", "--tenants=alpha,beta" } },
    } do
      toy:reset()
      local child <close> = toy:start(case[2], { O2X_COMMAND = "o2x" }, toy.dir .. "/said")
      eventually("the run that waits", is_waiting)
      child:kill(case[1])
      proc.wait(child, 30)
      make_peace(toy)
      works(toy, case[1] == KILL and "o2x resume" or fs.read(toy.dir .. "/said"):match "next: (o2x[^\n]*)\n$")
      assert.equal("[]\n", bash(toy, "o2x runs --unfinished --json").stdout)
    end
  end)
end)
