-- Messages proposed commands that a shell or o2x refused: a path with a space in it, a resume of a run that had
-- not begun, a run to start again without its words.

local build = require "tests.support.build"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("a proposed command", function()
  teardown(faults.forget)

  it("quotes a path", function()
    local toy <close> = toys.new()
    local path = toy.dir .. "/my secrets.yaml"
    fs.write(path, "x: y\n", { mode = 420 })
    local refused = toy:o2x { "run", "build", "alpha", "--secrets=" .. path }
    assert.truthy(refused.stderr:find(("chmod 600 '%s'"):format(path), 1, true), refused.stderr)
  end)

  it("does not resume a run that has not begun", function()
    if build.sanitized then return pending "no faults under the sanitizers" end
    local toy <close> = toys.new()
    local function strike(n)
      local result = toy:o2x({ "run", "build", "alpha" }, (faults.env("fsync", n, "EIO", true)))
      return result.stderr:find "look after the disk" and result or strike(n + 1)
    end
    local result = strike(1)
    assert.equal(toy:o2x({ "runs" }).stdout:find "R%-" ~= nil, result.stderr:find "o2x resume" ~= nil, result.stderr)
  end)

  it("starts a refused run again with its words", function()
    local toy <close> = toys.new()
    toy:runbook("sly", [[toy.ensure("a", params.note)]], 'params = { note = { "string", help = "x" } },')
    local path = toy.project .. "/runbooks/sly.lua"
    fs.write(path, (fs.read(path):gsub('effects = { "toy:write" }', "effects = {}")))
    local id = toy:o2x({ "run", "sly", "alpha", "note=it's late" }).stderr:match "R%-[%w-]+"
    local refused = toy:o2x { "resume", id }
    assert.truthy(refused.stderr:find("o2x run runbooks/sly.lua alpha 'note=it'\\''s late'", 1, true), refused.stderr)
  end)
end)
