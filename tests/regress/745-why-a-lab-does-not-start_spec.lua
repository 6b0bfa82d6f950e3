-- A lab in memory that did not start removed its log, so nobody learned why; and a proof of what is not there started
-- labs first.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"

describe("a start for nothing", function()
  local folder
  before_each(function() folder = fs.realpath(fs.temp_folder()) end)
  after_each(function() fs.remove_tree(folder) end)

  local function o2x(...)
    return proc.run { argv = { labs.O2X, ... }, cwd = folder, env = { TMPDIR = folder }, timeout = 60 }
  end

  it("says why, in memory too", function()
    local words = { "lab", "up", "--memory", "--dir=" .. folder .. "/lab", "--platform=" .. folder }
    local result = o2x(table.unpack(words))
    assert.equal(1, result.code)
    assert.matches("no platform tree at ", result.stderr)
    assert.matches("\n     start the lab in a checkout, or pass %-%-platform=FOLDER", result.stderr)
    assert.matches("no platform tree at ", fs.read(folder .. "/lab/lab.log"))
  end)

  it("is refused before there is a lab", function()
    local outside = o2x("prove", "smoke", "urbanos")
    assert.equal(3, outside.code)
    assert.matches("no project: neither this folder nor its parents", outside.stderr)
    fs.mkdir(folder .. "/runbooks")
    local unknown = o2x("prove", "smoke", "urbanos")
    assert.equal(3, unknown.code)
    assert.matches("unknown runbook smoke", unknown.stderr)
    assert.same({ "runbooks" }, fs.list(folder))
  end)
end)
