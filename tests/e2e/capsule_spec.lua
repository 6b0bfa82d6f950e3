-- Runs of the toy are packed and replayed: the same, however they ended; and otherwise where a script was changed.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

describe("a run in a capsule", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function newest() return toy:o2x({ "runs", "--json" }).stdout:match '.*"(R%-[%w-]+)"' end

  local function pack()
    local path = ("%s/%s.capsule"):format(toy.dir, newest())
    ok(toy:o2x { "capsule", newest(), "--out=" .. path, "--overwrite" })
    return path
  end

  local function replay(path, more)
    local result = toy:o2x { "replay", path, "--json", more }
    return json.decode(result.stdout), result.code
  end

  local function same(answers, status)
    local path = pack()
    -- the system is gone, and so are the project and the store: the capsule is all that there is
    local away = toy.dir .. "/away"
    fs.rename(toy.system, away)
    local found, code = replay(path)
    assert.is_false(fs.exists(toy.system))
    fs.rename(away, toy.system)
    assert.same({ true, 0, status }, { found.same, code, found.status }, json.encode(found))
    if answers then assert.equal(answers, found.answers) end
    return path, found
  end

  it("is replayed the same, without the system", function()
    ok(toy:o2x { "run", "build", "alpha" })
    same(nil, "done")
  end)

  it("needs neither the project nor the store", function()
    ok(toy:o2x { "run", "build", "alpha" })
    local path = pack()
    fs.remove_tree(toy.project .. "/runbooks")
    fs.remove_tree(toy.project .. "/stdlib")
    fs.remove_tree(toy.state)
    assert.equal(0, toy:o2x({ "replay", path }).code)
    assert.is_false(fs.exists(toy.state))
  end)

  it("was killed anywhere, and resumed", function()
    for point = 1, 22, 3 do
      local killed = toy:o2x({ "run", "build", "alpha" }, { O2X_KILL_AT = tostring(point) })
      assert.equal(9, killed.signal, point)
      same(nil, "crashed")
      ok(toy:o2x { "resume" })
      local _, found = same(nil, "done")
      assert.equal(2, found.attempts)
      for name in pairs(toy:holds()) do
        fs.remove(fs.join(toy.system, name))
      end
    end
  end)

  it("failed, and was corrected", function()
    fs.write(toy.system .. "/.fault-roof", "failed")
    assert.equal(1, toy:o2x({ "run", "build", "alpha" }).code)
    same(nil, "failed")
    toy:write("stdlib/house.lua", fs.read(toy.project .. "/stdlib/house.lua"):gsub('"red"', '"green"'))
    assert.equal(1, toy:o2x({ "resume", "--edited" }).code) -- the runbook looks for a red roof
    local _, found = same(nil, "failed")
    assert.equal(2, found.attempts)
  end)

  -- what a body of `run` does; nil: how it ends otherwise than done
  local BODIES <const> = {
    ["asks in branches"] = [[
      parallel {
        one = function() for i = 1, 5 do toy.ensure("one" .. i, { i = i }) end end,
        two = function() for i = 1, 5 do toy.ensure("two" .. i, { i = i }) end end,
        both = function() parallel.each({ "x", "y", "z" }, function(name) toy.ensure(name, {}) end) end,
      }]],
    ["catches an error"] = [[
      local fine, problem = pcall(toy.once, "there", { a = 1 })
      log(fine and "made" or tostring(problem))
      if fine then fail("it was there") end]],
    ["has no source of secrets"] = [[
      toy.ensure("known", { secrets = tenant.secrets ~= nil, company = tenant.company })]],
    ["waits for something"] = [[
      local count = 0
      wait_until("it is there", 5, function() count = count + 1; toy.read("there"); return count > 3 end)]],
    ["reads the clock and chance"] = [[
      local clock = require "o2x.clock"
      toy.ensure("number", { at = clock.iso(), n = math.random(1000000) })]],
    ["handles no end of a wait"] = [[
      pcall(wait_until, "it is there", 0.1, function() return toy.read("missing") end)
      toy.ensure("after", { a = 1 })]],
    ["handles a limit of time"] = [[
      pcall(timeout, 0.05, function() while true do toy.read("there"); sleep(0.01) end end)
      toy.ensure("after", { a = 1 })]],
    ["gives bytes, floats and lists back"] = [[
      toy.ensure("odd", { list = { 1, 2, 3 }, float = 2.0, half = 0.5, none = {} })
      local odd = step("Read", function() return toy.read("odd") end)
      toy.ensure("again", odd)]],
  }
  for name, body in pairs(BODIES) do
    it(name, function()
      fs.write(toy.system .. "/there", "{}")
      toy:runbook("body", body)
      ok(toy:o2x { "run", "body", "alpha" })
      same(nil, "done")
    end)
  end

  it("fails in one branch, and cancels the others", function()
    fs.write(toy.system .. "/.fault-bad", "failed")
    toy:runbook(
      "branches",
      [[
      parallel {
        bad = function() toy.ensure("bad", {}) end,
        slow = function() for i = 1, 100 do toy.ensure("slow" .. i, {}); sleep(0.02) end end,
        slower = function() sleep(10); toy.ensure("late", {}) end,
      }]]
    )
    assert.equal(1, toy:o2x({ "run", "branches", "alpha" }).code)
    same(nil, "failed")
  end)

  it("failed, and a step was done by hand", function()
    fs.write(toy.system .. "/.fault-roof", "failed")
    assert.equal(1, toy:o2x({ "run", "build", "alpha" }).code)
    fs.write(toy.system .. "/roof", json.encode { colour = "red" })
    ok(toy:o2x { "resume", "--skip=Build", "--reason=by hand" })
    local _, found = same(nil, "done")
    assert.equal(2, found.attempts)
  end)

  it("reads nothing again when its systems are away at an outage", function()
    fs.write(toy.system .. "/.fault-sign", "unauthorised")
    assert.equal(4, toy:o2x({ "run", "build", "alpha" }).code)
    same(nil, "failed")
  end)

  -- by what is changed in the project: where the replay diverges, and what it says
  local CHANGED <const> = {
    ["another value"] = { "stdlib/house.lua", '"red"', '"blue"', "Build", "red", "blue" },
    ["another number"] = { "stdlib/house.lua", "chairs = 4", "chairs = 5", "Furnish/room 1", "4", "5" },
    ["another call"] = {
      "runbooks/build.lua",
      'toy.ensure%("sign"',
      'toy.once("sign"',
      "Put up the sign",
      "ensure",
      "once",
    },
    ["a call more"] = {
      "stdlib/house.lua",
      'toy.once%("house"',
      'toy.read("garden") toy.once("house"',
      "Build",
      "toy.once",
      "toy.read",
    },
    ["a call less"] = { "stdlib/house.lua", "toy.part%([^\n]*\n", "\n", "Build", 'toy.part%("house"', "" },
    ["another order"] = {
      "stdlib/house.lua",
      "(toy.once[^\n]*)\n%s*(toy.part[^\n]*)\n",
      "%2 %1\n",
      "Build",
      "toy.once",
      "toy.part",
    },
    ["another check"] = {
      "runbooks/build.lua",
      "the house has a roof",
      "it has a roof",
      "",
      "no check|roof",
      "it has a roof",
    },
    ["another result of a step"] = {
      "runbooks/build.lua",
      "return toy.number%(tenant.name%)",
      "return toy.number(tenant.name) + 1",
      "Find a number",
      "result",
      "result",
    },
    ["a failure"] = { "stdlib/house.lua", "toy.part", 'fail("no roof") toy.part', "Build", "", "no roof" },
  }
  for name, row in pairs(CHANGED) do
    it("diverges where the project has " .. name, function()
      ok(toy:o2x { "run", "build", "alpha" })
      local path = pack()
      local found, code = replay(path, "--project=" .. toy.project)
      assert.same({ true, 0 }, { found.same, code })
      local file = fs.read(toy.project .. "/" .. row[1])
      local changed, count = file:gsub(row[2], row[3])
      assert.equal(1, count)
      toy:write(row[1], changed)
      found, code = replay(path, "--project=" .. toy.project)
      assert.same({ false, 2 }, { found.same, code })
      assert.equal(row[4], found.divergence.step, json.encode(found.divergence))
      assert.truthy(found.divergence.recorded:find(row[5]) or row[5]:find "|", found.divergence.recorded)
      assert.truthy(found.divergence.came:find(row[6]), found.divergence.came)
      assert.equal(0, select(2, replay(path)), "its own scripts do the same")
    end)
  end

  it("contacts nothing and writes nothing: it opens no connection, and no file outside of its folder", function()
    ok(toy:o2x { "run", "build", "alpha" })
    local path, log = pack(), toy.dir .. "/strace"
    local traced = proc.run {
      argv = {
        "strace",
        "-f",
        "-qq",
        "-o",
        log,
        "-e",
        "trace=connect,openat,open,creat,rename,unlink,mkdir",
        require("tests.support.build").o2x,
        "replay",
        path,
      },
      env = { PATH = os.getenv "PATH", TMPDIR = toy.dir, HOME = toy.dir },
      cwd = "/",
      timeout = 100,
    }
    -- the released program does not know the toy's effects, so it is the scripts that fail, and no system is asked
    assert.truthy(traced.code == 1 or traced.code == 2 or traced.code == 3, traced.stderr)
    for line in fs.read(log):gmatch "[^\n]+" do
      assert.is_nil(line:find("connect(", 1, true), line)
      local writes = line:find "O_WRONLY" or line:find "O_RDWR" or line:find "O_CREAT" or line:find "mkdir"
      if writes then assert.truthy(line:find(toy.dir, 1, true) or line:find("/dev/", 1, true), line) end
    end
  end)

  it("becomes a test, which is green, and red once a script does otherwise", function()
    ok(toy:o2x { "run", "build", "alpha" })
    local path, spec = pack(), toy.project .. "/tests/build_spec.lua"
    fs.mkdir(toy.project .. "/tests")
    ok(toy:o2x { "replay", path, "--to-test", "--out=" .. spec })
    assert.is_true(fs.exists(toy.project .. "/tests/build.capsule"))
    local program = toy.dir .. "/o2x"
    fs.write(
      program,
      ('#!/bin/sh\nexec "%s" "%s/tests/support/o2x.lua" "$@"\n'):format(
        fs.realpath(require("tests.support.build").dev),
        fs.cwd()
      ),
      { mode = tonumber("755", 8) }
    )
    local function test()
      return proc.run {
        argv = { require("tests.support.build").dev, "tests/run.lua", spec },
        env = toy:environment { O2X = program, PATH = os.getenv "PATH" },
        timeout = 100,
      }
    end
    local green = test()
    assert.equal(0, green.code, green.stdout .. green.stderr)
    toy:write("stdlib/house.lua", (fs.read(toy.project .. "/stdlib/house.lua"):gsub("red", "blue")))
    local red = test()
    assert.equal(1, red.code)
    assert.truthy(red.stdout:find("blue", 1, true), red.stdout)
    assert.equal(3, toy:o2x({ "replay", path, "--to-test", "--out=" .. spec }).code, "it is not overwritten")
  end)

  it("shows step by step what happened", function()
    ok(toy:o2x { "run", "build", "alpha", "rooms=1" })
    local text = ok(toy:o2x { "replay", pack(), "--step-by-step" }).stdout
    for _, line in ipairs {
      "▸ Build",
      'toy.once("house", {"owner":"alpha"})',
      "+ toy.once house",
      "✓ the house has a roof",
      "the same: ",
    } do
      assert.truthy(text:find(line, 1, true), text)
    end
  end)

  it("that kept no answers says so", function()
    ok(toy:o2x({ "run", "build", "alpha" }, { O2X_RECORD = "0" }))
    local packed = toy:o2x { "capsule", newest(), "--out=" .. toy.dir .. "/a.capsule" }
    assert.truthy(packed.stderr:find("kept no answers", 1, true), packed.stderr)
    local played = toy:o2x { "replay", toy.dir .. "/a.capsule" }
    assert.equal(1, played.code)
    assert.truthy(played.stderr:find("the run kept no answers", 1, true), played.stderr)
  end)

  it("has large answers, and says where one is too large to be kept", function()
    toy:runbook("large", 'toy.ensure("size", { n = #toy.read("there").text })')
    for _, row in ipairs { { 5 << 20, true }, { 9 << 20, false } } do
      fs.write(toy.system .. "/there", json.encode { text = ("x"):rep(row[1]) })
      ok(toy:o2x { "run", "large", "alpha" })
      local _, found = same(nil, "done")
      assert.equal(row[2], found.incomplete == nil, found.incomplete)
    end
    assert.truthy(toy:o2x({ "capsule", newest(), "--out=" .. toy.dir .. "/b" }).stderr:find("not all answers", 1, true))
  end)

  it("replaces no file unless it is told to", function()
    ok(toy:o2x { "run", "build", "alpha" })
    local out = toy.dir .. "/a.capsule"
    fs.write(out, "mine")
    assert.equal(3, toy:o2x({ "capsule", newest(), "--out=" .. out }).code)
    assert.equal("mine", fs.read(out))
    ok(toy:o2x { "capsule", newest(), "--out=" .. out, "--overwrite" })
    assert.equal(0, toy:o2x({ "replay", out }).code)
  end)

  it("is not packed with a script that was changed in the store", function()
    ok(toy:o2x { "run", "build", "alpha" })
    fs.write(("%s/%s/sources/stdlib/house.lua"):format(toy.state, newest()), "return {}")
    local packed = toy:o2x { "capsule", newest(), "--out=" .. toy.dir .. "/a.capsule" }
    assert.equal(1, packed.code)
    assert.truthy(packed.stderr:find("house.lua was changed", 1, true), packed.stderr)
    assert.is_false(fs.exists(toy.dir .. "/a.capsule"))
  end)
end)
