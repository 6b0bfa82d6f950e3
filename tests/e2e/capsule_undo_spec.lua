-- Undos of the toy in capsules: done, killed and resumed, refused, of a step, with words of the operator, incomplete.
-- Each is replayed when the system, the project and the store are gone. Runs of several tenants, and step by step.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local terminal = require "tests.support.terminal"
local toys = require "tests.support.toy"

describe("an undo in a capsule", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function newest() return toy:json({ "show", "--json" }).id end

  local function pack(id)
    local path = ("%s/%s.capsule"):format(toy.dir, id or newest())
    ok(toy:o2x { "capsule", id or newest(), "--out=" .. path, "--overwrite" })
    return path
  end

  -- Replays a capsule while nothing else is there.
  local function replay(path, ...)
    for _, folder in ipairs { "system", "state", "project" } do
      fs.rename(toy[folder], toy[folder] .. ".away")
    end
    fs.mkdir(toy.project) -- where the program is started
    local result = toy:o2x { "replay", path, "--json", ... }
    fs.remove_tree(toy.project)
    for _, folder in ipairs { "system", "state", "project" } do
      assert.is_false(fs.exists(toy[folder]), folder)
      fs.rename(toy[folder] .. ".away", toy[folder])
    end
    return json.decode(result.stdout), result
  end

  local function same(status, attempts)
    local path = pack()
    local found, result = replay(path)
    assert.same({ true, 0, status }, { found.same, result.code, found.status }, json.encode(found) .. result.stderr)
    assert.equal("undo", found.runbook)
    assert.equal(attempts or 1, found.attempts)
    assert.is_nil(found.incomplete)
    return path, found
  end

  local function build()
    ok(toy:o2x { "run", "build", "alpha", "--quiet" })
    return newest()
  end

  local function undo(id, ...) return toy:o2x { "undo", id, "--confirm=alpha", "--quiet", ... } end

  it("is replayed the same, and so is the undo of it", function()
    ok(undo(build()))
    assert.same({}, toy:holds())
    same "done"
    ok(undo(newest()))
    assert.is_table(toy:holds().house)
    local _, found = same "done"
    assert.is_true(found.answers >= 3 * 7, found.answers)
  end)

  it("was killed anywhere, and resumed", function()
    for point = 1, 28, 3 do
      local id = build()
      local killed = toy:o2x({ "undo", id, "--confirm=alpha" }, { O2X_KILL_AT = tostring(point) })
      assert.equal(9, killed.signal, point)
      same "crashed"
      ok(toy:o2x { "resume" })
      same("done", 2)
      assert.same({}, toy:holds())
    end
  end)

  it("of one step", function()
    ok(undo(build() .. "#Put up the sign"))
    assert.is_nil(toy:holds().sign)
    local _, found = same "done"
    assert.equal(3, found.answers) -- where it goes, what is there, the write
  end)

  it("was refused: the conflict is found again, with nothing asked of the system", function()
    local id = build()
    fs.write(toy.system .. "/sign", json.encode { text = "theirs" })
    local refused = undo(id)
    assert.equal(1, refused.code)
    same "refused"
    local word = refused.stderr:match "%-%-take%-over=(%x+)"
    ok(undo(id, "--take-over=" .. word))
    same "done"
    assert.same({}, toy:holds())
  end)

  it("could not take back all, and says the same again", function()
    toy:runbook("odd", 'toy.ensure("there", { a = 1 }) toy.blind("message", { a = 1 })')
    ok(toy:o2x { "run", "odd", "alpha" })
    local result = undo(newest())
    assert.equal(7, result.code, result.stderr)
    same "incomplete"
  end)

  it("failed, and went on", function()
    local id = build()
    fs.write(toy.system .. "/.fault-roof", "failed")
    assert.equal(1, undo(id).code)
    same "failed"
    ok(toy:o2x { "resume" })
    same("done", 2)
  end)

  it("shows step by step what was asked, and changes nothing with another project", function()
    ok(undo(build()))
    local path = pack()
    local text = ok(toy:o2x { "replay", path, "--step-by-step" }).stdout
    for _, line in ipairs { "▸ Put up the sign", 'undo.now("', "toy.part roof", '→ "deleted"', "- toy.once house" } do
      assert.truthy(text:find(line, 1, true), text)
    end
    local other = toy:o2x { "replay", path, "--project=" .. toy.project }
    assert.equal(0, other.code)
    assert.truthy(other.stderr:find("an undo has no scripts", 1, true), other.stderr)
  end)

  it("becomes a test, which is green, and red where something else is taken back", function()
    ok(undo(build()))
    local path, spec = pack(), toy.project .. "/tests/undo_spec.lua"
    fs.mkdir(toy.project .. "/tests")
    ok(toy:o2x { "replay", path, "--to-test", "--out=" .. spec })
    local program = toy.dir .. "/o2x"
    local function test(lines)
      fs.write(
        program,
        ('#!/bin/sh\n%s exec "%s" "%s/tests/support/o2x.lua" "$@"\n'):format(
          lines,
          fs.realpath(require("tests.support.build").dev),
          fs.cwd()
        ),
        { mode = tonumber("755", 8), expected = false }
      )
      local result = proc.run {
        argv = { require("tests.support.build").dev, "tests/run.lua", spec },
        env = toy:environment { O2X = program, PATH = os.getenv "PATH" },
        timeout = 100,
      }
      fs.remove(program)
      return result
    end
    local green = test ""
    assert.equal(0, green.code, green.stdout .. green.stderr)
    -- a version of o2x whose type takes things back in another way
    local red = test "TOY_OTHERWISE=1; export TOY_OTHERWISE;"
    assert.equal(1, red.code, red.stdout)
    assert.truthy(red.stdout:find("undo.goes_to", 1, true), red.stdout)
  end)

  it("is refused in one line where a byte is another one, or what it takes back is not there", function()
    local id = build()
    ok(undo(id))
    local path = pack()
    local text = fs.read(path)
    for at = 1, #text, math.max(#text // 60, 1) do
      fs.write_scratch(path, text:sub(1, at - 1) .. string.char(text:byte(at) ~ 0x15) .. text:sub(at + 1))
      local result = toy:o2x { "replay", path }
      assert.equal(1, result.code, at)
      local _, lines = result.stderr:gsub("\n", "")
      assert.is_true(lines <= 2, result.stderr) -- the error, and its hint
      assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
    end
    local undone = newest()
    fs.remove_tree(("%s/%s"):format(toy.state, id))
    local gone = toy:o2x { "capsule", undone, "--out=" .. toy.dir .. "/b.capsule" }
    assert.equal(1, gone.code)
    assert.truthy(gone.stderr:find(id .. ", which it takes back, is not in the store", 1, true), gone.stderr)
    assert.is_false(fs.exists(toy.dir .. "/b.capsule"))
    local looked = toy:o2x { "verify", gone.stderr:match "o2x verify (R%-[%w-]+)" }
    assert.equal(2, looked.code, looked.stderr)
    assert.truthy(looked.stdout:find(id, 1, true), looked.stdout)
  end)
end)

describe("a run in a capsule", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("was asked for step by step", function()
    toy:runbook("house", [[ step("One", toy.ensure, "a", 1) step("Two", toy.ensure, "b", 2) ]])
    local result = terminal(toy, { "run", "house", "alpha", "--step-by-step" }, "y\ny\n")
    assert.equal(0, result.code, result.stdout)
    local path = toy.dir .. "/a.capsule"
    ok(toy:o2x { "capsule", toy:json({ "show", "--json" }).id, "--out=" .. path })
    local found = toy:json { "replay", path, "--json" }
    assert.same({ true, 2 }, { found.same, found.answers })
  end)

  it("was one of several tenants: each is packed and replayed, undone as well", function()
    for _, name in ipairs { "beta", "gamma" } do
      toy:write(("platform/tenants/%s.yaml"):format(name), ("company: %s\n"):format(name))
    end
    toy:runbook("mark", [[ step("Mark", function() toy.ensure("mark-" .. tenant.name, { of = tenant.name }) end) ]])
    fs.write(toy.system .. "/.fault-mark-beta", "failed")
    local fleet = json.decode(toy:o2x({ "run", "mark", "--tenants=all", "--keep-going", "--json" }).stdout).fleet
    local folder, seen = toy.dir .. "/packed", {}
    fs.mkdir(folder)
    local packed = ok(toy:o2x { "capsule", fleet, "--out=" .. folder })
    assert.equal(3, #fs.list(folder), packed.stdout .. packed.stderr)
    for _, name in ipairs(fs.list(folder)) do
      local found = toy:json { "replay", fs.join(folder, name), "--json" }
      assert.is_true(found.same)
      seen[found.tenant] = found.status
    end
    assert.same({ alpha = "done", beta = "failed", gamma = "done" }, seen)

    ok(toy:o2x { "resume", fleet })
    local undone = json.decode(ok(toy:o2x { "undo", fleet, "--confirm=all", "--json" }).stdout).fleet
    assert.same({}, toy:holds())
    local data = json.decode(ok(toy:o2x { "capsule", undone, "--out=" .. folder, "--json" }).stdout)
    assert.equal(3, #data.packed)
    for _, one in ipairs(data.packed) do
      assert.is_true(toy:json({ "replay", one.file, "--json" }).same)
    end
    local twice = toy:o2x { "capsule", undone, "--out=" .. folder }
    assert.equal(3, twice.code)
    assert.truthy(twice.stderr:find("it is there already", 1, true), twice.stderr)
    ok(toy:o2x { "capsule", undone, "--out=" .. folder, "--overwrite" })
  end)
end)
