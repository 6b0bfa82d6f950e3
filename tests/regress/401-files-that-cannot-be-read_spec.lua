-- A capsule or a plan that could not be read was called none; so was a link to one. A disk that was full while a
-- capsule was replayed was a capsule that had been changed.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

describe("a file that is given to replay or apply", function()
  local toy, id
  before_each(function()
    toy = toys.new()
    ok(toy:o2x { "run", "build", "alpha" })
    id = toy:o2x({ "runs", "--json" }).stdout:match '"(R%-[%w-]+)"'
    ok(toy:o2x { "capsule", id, "--out=" .. toy.dir .. "/a.capsule" })
    ok(toy:o2x { "plan", "build", "alpha", "--out=" .. toy.dir .. "/a.plan" })
  end)
  after_each(function() toy:__close() end)

  local function link(name) ok(proc.run { argv = { "ln", "-s", toy.dir .. "/" .. name, toy.dir .. "/link" } }) end

  it("may be a link to a capsule", function()
    link "a.capsule"
    ok(toy:o2x { "replay", toy.dir .. "/link" })
  end)

  it("may be a link to a plan", function()
    link "a.plan"
    ok(toy:o2x { "apply", toy.dir .. "/link" })
  end)

  it("is no folder for a project, and says so", function()
    local result = toy:o2x { "replay", toy.dir .. "/a.capsule", "--project=" .. toy.dir .. "/a.plan" }
    assert.equal(3, result.code)
    assert.truthy(result.stderr:find("this is no folder", 1, true), result.stderr)
  end)

  it("names the command to pack it, where it is the name of a run", function()
    local result = toy:o2x { "replay", id }
    assert.equal(3, result.code)
    assert.truthy(result.stderr:find("o2x capsule " .. id, 1, true), result.stderr)
  end)

  it("is as it was while the disk is full", function()
    -- a limit of the size of files stands for a disk without space
    fs.write(toy.dir .. "/large.capsule", fs.read(toy.dir .. "/a.capsule"))
    local result = toy:shell({ "replay", toy.dir .. "/large.capsule" }, "", "ulimit -f 4; trap '' XFSZ;")
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("File too large", 1, true), result.stderr)
    assert.is_nil(result.stderr:find("was changed", 1, true), result.stderr)
  end)

  it("is called as it was asked for when it cannot be written, and nothing of it stays", function()
    local path = toy.dir .. "/b.capsule"
    local result = toy:shell({ "capsule", id, "--out=" .. path }, "", "ulimit -f 4; trap '' XFSZ;")
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find(path .. ": ", 1, true), result.stderr)
    for _, name in ipairs(fs.list(toy.dir)) do
      assert.is_nil(name:find("b.capsule", 1, true), name)
    end
  end)
end)
