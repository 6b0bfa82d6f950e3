-- Every kind of run in a capsule, one row each: replayed the same while nothing else is there, and made into a test,
-- which is green as it stands and red for each change of the runbook. No secret is in any of the files.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local leaks = require "tests.support.leaks"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local sorted_keys = require "o2x.base.sorted_keys"
local terminal = require "tests.support.terminal"
local toys = require "tests.support.toy"

local SECRET <const> = [[Zq7/"ü+x w\9#Kp&=4]]

-- Steps that ask, that only compute, that only say something, and that see a secret.
local BODY <const> = [[
    step("Put it there", function() toy.ensure("first", { colour = "red", rooms = 3 }) end)
    local sum = step("Add it up", function() return 2 + 3 end)
    step("Say it", function() log "halfway" end)
    step("Look into the safe", function() log(tenant.secrets.door.key) log(toy.read("safe").text) end)
    check("five is right", function() return sum == 5 end)
    parallel {
      left = function() step("Left", function() toy.ensure("left", { side = 1 }) end) end,
      right = function() step("Right", function() toy.ensure("right", { side = 2 }) end) end,
    }
    step("Close it", function() toy.ensure("last", { by = tenant.name }) end)]]

-- What is changed in it: a pattern, and what stands there then.
local CHANGES <const> = {
  ["the first step dropped"] = { '    step%("Put it there"[^\n]*\n', "" },
  ["a step dropped that only computes"] = { 'step%("Add it up", function%(%) return 2 %+ 3 end%)', "5" },
  ["a step dropped that only says something"] = { '    step%("Say it"[^\n]*\n', "" },
  ["a branch dropped"] = { "      right = [^\n]*\n", "" },
  ["a check dropped"] = { '    check%("five[^\n]*\n', "" },
  ["the last step dropped"] = { '\n    step%("Close it"[^\n]*', "" },
  ["a step more"] = { '(\n    step%("Close it")', '\n    step("More", function() return 1 end)%1' },
  ["another value"] = { '"red"', '"blue"' },
  ["another number"] = { "rooms = 3", "rooms = 4" },
  ["another result"] = { "return 2 %+ 3 end", "return 2 + 4 - 1.0 end" },
  ["another field of the tenant"] = { "by = tenant.name", "by = tenant.company" },
}

local SOME <const> = { "a step dropped that only computes", "another value" }

local CONTROL_IS_DOWN <const> = [[
function M.registry()
  local others = {}
  return { database = "control", admin = "x", table = "a.b", id = "id", name = "name", others = others, by_id = {} }
end
]]

describe("a capsule of", function()
  local toy, program
  local packed = {}

  local function runbook(body, fields) toy:runbook("home", body, fields) end

  before_each(function()
    toy = toys.new()
    toy.env.O2X_SECRETS = toy.dir .. "/secrets"
    fs.mkdir(toy.env.O2X_SECRETS)
    for _, name in ipairs { "alpha", "beta" } do
      local path = ("%s/%s.yaml"):format(toy.env.O2X_SECRETS, name)
      fs.write(path, json.encode { door = { key = SECRET } }, { mode = tonumber("600", 8) })
    end
    fs.write(toy.system .. "/safe", json.encode { text = ("it has %s in it"):format(SECRET) })
    runbook(BODY)
    program = toy.dir .. "/o2x"
    local line = ('#!/bin/sh\nexec "%s" "%s/tests/support/o2x.lua" "$@"\n'):format(fs.realpath(build.dev), fs.cwd())
    fs.write(program, line, { mode = tonumber("755", 8) })
  end)
  after_each(function() toy:__close() end)

  local function newest() return toy:json({ "show", "--json" }).id end

  local function run(...) return toy:o2x { "run", "home", "alpha", "--quiet", ... } end

  local function failed(name, ...)
    toy:fault(name, "failed")
    assert.equal(1, run(...).code)
    return newest()
  end

  -- What is made → how; it gives the id of the run, if that is not the newest. `attempts`: how many the run has.
  -- `every`: with each change of the runbook; else with `changes`, or SOME.
  -- `scripts = false`: an undo has none, so its test is red when o2x does otherwise, not the runbook.
  local KINDS <const> = {
    ["a run that is done"] = { every = true, make = function() ok(run()) end },
    ["a run that failed at its end"] = { every = true, status = "failed", make = function() failed "last" end },
    ["a run that failed, and went on"] = {
      every = true,
      attempts = 2,
      make = function() ok(toy:o2x { "resume", failed "left", "--quiet" }) end,
    },
    ["a run that was killed, and went on"] = {
      attempts = 2,
      make = function()
        assert.equal(9, toy:o2x({ "run", "home", "alpha" }, { O2X_KILL_AT = "11" }).signal)
        ok(toy:o2x { "resume", "--quiet" })
      end,
    },
    ["a run with a step that was done by hand"] = {
      attempts = 2,
      make = function()
        local id = failed "last"
        fs.write(toy.system .. "/last", json.encode { by = "alpha" })
        ok(toy:o2x { "resume", id, "--skip=Close it", "--reason=by hand", "--quiet" })
      end,
    },
    ["a run that was asked for step by step"] = {
      make = function()
        local shown = terminal(toy, { "run", "home", "alpha", "--step-by-step" }, "y\na\n")
        assert.equal(0, shown.code, shown.stdout)
      end,
    },
    ["a plan that was applied"] = {
      make = function()
        local plan = toy.dir .. "/home.plan"
        ok(toy:o2x { "plan", "home", "alpha", "--out=" .. plan })
        ok(toy:o2x { "apply", plan, "--quiet" })
      end,
    },
    ["a run that was corrected, and went on"] = {
      attempts = 2,
      changes = { "the last step dropped", "another field of the tenant" }, -- all else was done before
      make = function()
        runbook((BODY:gsub("first", "fisrt")))
        local id = failed "last"
        runbook(BODY)
        ok(toy:o2x { "resume", id, "--edited", "--quiet" })
      end,
    },
    ["one of several tenants"] = {
      make = function()
        local fleet = json.decode(ok(toy:o2x { "run", "home", "--tenants=alpha,beta", "--json" }).stdout)
        local folder = toy.dir .. "/packed"
        fs.mkdir(folder)
        local all = toy:json { "capsule", fleet.fleet, "--out=" .. folder, "--json" }
        assert.equal(2, #all.packed)
        return all.packed[1].run
      end,
    },
    ["an adopted tenant"] = {
      make = function()
        runbook(BODY, "adopts = true,")
        fs.remove(toy.project .. "/platform/tenants/alpha.yaml")
        ok(run())
      end,
    },
    ["a run with --local-lock"] = {
      make = function()
        local platform = fs.read(toy.project .. "/stdlib/platform.lua")
        toy:write(
          "stdlib/platform.lua",
          (platform:gsub("\nreturn M", "\n" .. CONTROL_IS_DOWN .. "%0"):gsub("redis = ", 'pg = { "control" }, %0'))
        )
        toy.env.O2X_PG_HOST, toy.env.O2X_PG_PORT = "127.0.0.1", "1"
        local alone = ok(toy:o2x { "run", "home", "alpha", "--local-lock" })
        assert.truthy(alone.stderr:find("--local-lock: runs on other machines are not kept", 1, true), alone.stderr)
      end,
    },
    ["an undo"] = {
      scripts = false,
      make = function()
        ok(run())
        ok(toy:o2x { "undo", newest(), "--confirm=alpha", "--quiet" })
      end,
    },
    ["an undo of one step"] = {
      scripts = false,
      make = function()
        ok(run())
        ok(toy:o2x { "undo", newest() .. "#Close it", "--confirm=alpha", "--quiet" })
      end,
    },
    ["an undo of an undo"] = {
      scripts = false,
      make = function()
        ok(run())
        for _ = 1, 2 do
          ok(toy:o2x { "undo", newest(), "--confirm=alpha", "--quiet" })
        end
      end,
    },
  }

  -- The system, the store and the project away while fn runs.
  local function alone(fn)
    for _, folder in ipairs { "system", "state", "project" } do
      fs.rename(toy[folder], toy[folder] .. ".away")
    end
    fs.mkdir(toy.project) -- where the program is started
    local result = fn()
    fs.remove_tree(toy.project)
    for _, folder in ipairs { "system", "state", "project" } do
      assert.is_false(fs.exists(toy[folder]), folder)
      fs.rename(toy[folder] .. ".away", toy[folder])
    end
    return result
  end

  local function test(spec, env)
    env = toy:environment(env)
    env.O2X, env.PATH = program, os.getenv "PATH"
    return proc.run { argv = { build.dev, "tests/run.lua", spec }, env = env, timeout = 100 }
  end

  for name, kind in pairs(KINDS) do
    it(name .. " is true to the end, and its test notes each change", function()
      local id = kind.make() or newest()
      local path, spec = ("%s/%s.capsule"):format(toy.dir, id), toy.project .. "/tests/kind_spec.lua"
      ok(toy:o2x { "capsule", id, "--out=" .. path })
      packed[name] = fs.read(path)
      local result = alone(function() return toy:o2x { "replay", path, "--json" } end)
      local found = json.decode(result.stdout)
      assert.same(
        { true, 0, kind.status or "done", kind.attempts or 1 },
        { found.same, result.code, found.status, found.attempts },
        result.stdout .. result.stderr
      )
      assert.is_nil(found.incomplete)

      fs.mkdir(toy.project .. "/tests")
      local made = ok(toy:o2x { "replay", path, "--to-test", "--out=" .. spec })
      local green = test(spec)
      assert.equal(0, green.code, green.stdout .. green.stderr)
      if kind.scripts == false then
        assert.truthy(made.stderr:find("has no scripts", 1, true), made.stderr)
        assert.equal(1, test(spec, { TOY_OTHERWISE = "1" }).code)
        return
      end
      local file = toy.project .. "/runbooks/home.lua"
      local text, missed = fs.read(file), {}
      for _, what in ipairs(kind.every and sorted_keys(CHANGES) or kind.changes or SOME) do
        local changed, count = text:gsub(CHANGES[what][1], CHANGES[what][2])
        assert.equal(1, count, what)
        fs.write(file, changed)
        local red = test(spec)
        if red.code ~= 1 or not red.stdout:find("diverged", 1, true) then missed[#missed + 1] = what .. red.stdout end
      end
      assert.same({}, missed)
    end)
  end

  -- One line, and what to type.
  local function refused(words, code, ...)
    local result = toy:o2x(words)
    assert.equal(code, result.code, result.stdout .. result.stderr)
    assert.equal("", result.stdout)
    local lines = select(2, result.stderr:gsub("\n", ""))
    assert.is_true(lines <= 2, result.stderr) -- the error, and what to type
    for _, text in ipairs { ... } do
      assert.truthy(result.stderr:find(text, 1, true), result.stderr)
    end
  end

  it("what is none says so, and what to type", function()
    local plan = toy.dir .. "/home.plan"
    ok(toy:o2x { "plan", "home", "alpha", "--out=" .. plan })
    refused({ "capsule", plan }, 3, "this is a file, not a run", "o2x apply", "o2x runs")
    refused({ "replay", plan }, 1, "this is a plan, not a capsule", "o2x apply " .. plan)
    ok(run())
    local id = newest()
    refused({ "replay", id }, 3, "no such file", "o2x capsule " .. id)
    refused({ "replay", ("%s/%s/journal"):format(toy.state, id) }, 1, "the journal of a run", "o2x capsule " .. id)
    ok(run "--set=record=0")
    local path = toy.dir .. "/none.capsule"
    local packed_none = ok(toy:o2x { "capsule", newest(), "--out=" .. path })
    assert.truthy(packed_none.stderr:find(("o2x replay %s --log"):format(path), 1, true), packed_none.stderr)
    ok(toy:o2x { "replay", path, "--log" })
    refused({ "replay", path }, 1, "the run kept no answers", "add --log")
    refused({ "replay", path, "--to-test" }, 1, "the run kept no answers", "add --log")
  end)

  it("of a run of which the scripts do otherwise now is no test: it would be red for ever", function()
    ok(run())
    local path = toy.dir .. "/a.capsule"
    ok(toy:o2x { "capsule", newest(), "--out=" .. path })
    local shows = ("o2x replay %s --project=%s"):format(path, toy.project)
    for _, change in ipairs {
      function() runbook((BODY:gsub("red", "blue"))) end,
      function() runbook "step(" end,
      function() runbook 'require "stdlib.nosuch"' end,
      function() fs.remove(toy.project .. "/runbooks/home.lua") end,
    } do
      change()
      refused({ "replay", path, "--to-test" }, 1, "do not what the run did", shows)
      assert.is_false(fs.exists(("%s/%s_spec.lua"):format(toy.project, newest())))
      assert.equal(2, toy:o2x({ "replay", path, "--project=" .. toy.project }).code)
    end
  end)

  it("each kind has no secret in it", function()
    assert.is_truthy(next(packed))
    assert.same({}, leaks.found(packed, leaks.forms_of { [SECRET] = "the door's key" }))
  end)
end)
