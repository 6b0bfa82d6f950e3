-- A rehearsal that was killed could leave a lab: its keeper took the lab down and reset it, and a reset starts a lab
-- that is up again. What removes a lab starts none, waits for a start that is under way, and touches no other folder.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"

describe("lab remove", function()
  local folder, dir
  before_each(function()
    folder = fs.realpath(fs.temp_folder())
    dir = folder .. "/lab"
  end)
  after_each(function()
    proc.run { argv = { labs.O2X, "lab", "remove", "--dir", dir } }
    fs.remove_tree(folder)
  end)

  local function lab(...) return proc.run { argv = { labs.O2X, "lab", ... }, timeout = 120 } end
  local function nothing_of_it() return proc.run({ argv = { "pgrep", "-f", "--", folder } }).code == 1 end
  local function start(...) return proc.start { argv = { labs.O2X, "lab", "up", "--dir", dir, ... } } end

  it("leaves neither a process nor a file", function()
    assert.equal(0, lab("up", "--dir", dir).code)
    local result = lab("remove", "--dir", dir)
    assert.equal(0, result.code, result.stderr)
    assert.is_true(nothing_of_it())
    assert.same({}, fs.list(folder))
    assert.equal(0, lab("remove", "--dir", dir).code)
  end)

  it("goes on where it was killed", function()
    assert.equal(0, lab("up", "--dir", dir).code)
    assert.equal(0, lab("down", "--dir", dir).code)
    for _, name in ipairs { "serve.lock", "lab.log", "state" } do
      fs.remove_tree(dir .. "/" .. name)
    end
    local result = lab("remove", "--dir", dir)
    assert.equal(0, result.code, result.stderr)
    assert.same({}, fs.list(folder))
  end)

  for _, moment in ipairs { "up.lock", "serve.lock", "ports.json", "lab.json" } do
    it("waits for a start that is under way: from the moment of its " .. moment, function()
      local up <close> = start()
      eventually("the start", function() return fs.exists(dir .. "/" .. moment) end)
      local result = lab("remove", "--dir", dir)
      assert.equal(0, result.code, result.stderr)
      proc.wait(up, 60)
      assert.is_true(nothing_of_it())
      assert.same({}, fs.list(folder))
    end)

    it("is followed by no lab whose owner has ended: killed at " .. moment, function()
      local owner <close> = proc.start { argv = { "sleep", "600" } }
      local up <close> = start("--owner=" .. owner:pid())
      eventually("the start", function() return fs.exists(dir .. "/" .. moment) end)
      owner:kill(9)
      proc.wait(owner, 60)
      local result = lab("remove", "--dir", dir)
      assert.equal(0, result.code, result.stderr)
      proc.wait(up, 60)
      assert.is_true(nothing_of_it())
      assert.same({}, fs.list(folder))
      local late = lab("up", "--dir", dir, "--owner=" .. owner:pid())
      assert.equal(1, late.code)
      assert.matches("which the lab is for, has ended", late.stderr)
      assert.same({}, fs.list(folder))
    end)
  end

  it("touches no folder that is not a lab", function()
    fs.mkdir(dir)
    fs.write(dir .. "/thesis.txt", "the only copy")
    local result = lab("remove", "--dir", dir)
    assert.equal(3, result.code)
    assert.matches("there is no lab in " .. dir:gsub("%p", "%%%0"), result.stderr)
    local started = lab("up", "--dir", dir)
    assert.equal(3, started.code)
    assert.matches("there are other files in ", started.stderr)
    assert.same({ "thesis.txt" }, fs.list(dir))
    assert.equal("the only copy", fs.read(dir .. "/thesis.txt"))
  end)
end)
