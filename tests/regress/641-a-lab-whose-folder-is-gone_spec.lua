-- A lab whose folder had been removed did not end: it failed at its first line in the log, and its tasks went on. One
-- of a killed rehearsal ran for half an hour.

local build = require "tests.support.build"
local daemon = require "lab.daemon"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

if build.sanitized then return end -- it ends with an error, and so with what it holds

describe("a lab whose folder is gone", function()
  it("ends when it is told to, with its servers", function()
    local lab = labs.start()
    local up = json.decode(lab:o2x({ "lab", "status", "--json" }).stdout)
    local place = { dir = fs.realpath(lab.dir) }
    local server = daemon.path(place, "postgres", daemon.is_root() and "root" or nil)
    fs.remove_tree(lab.dir)
    assert.equal(0, lab:run({ "kill", tostring(up.pid) }).code)
    local function ended(pattern) return lab:run({ "pgrep", "-f", "--", pattern }).code == 1 end
    eventually("the end of the lab", function() return ended(lab.dir) end)
    eventually("the end of PostgreSQL", function() return ended(server) end)
    if fs.exists(server) then fs.remove_tree(fs.folder(server)) end
  end)
end)
