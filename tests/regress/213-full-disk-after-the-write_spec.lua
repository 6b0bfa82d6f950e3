-- Room for a result is reserved before its write. The result was then refused all the same, because it wanted as much
-- room again for what comes next: a write on a disk that had become full had no recorded outcome, and its run no end.

local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"

describe("a disk that is full after a write", function()
  it("takes its result and the end of the run, but nothing new", function()
    local folder = fs.temp_folder "/tmp/o2x-full-"
    local _remove <close> = defer(function() fs.remove_tree(folder) end)
    local mounted = proc.run { argv = { "mount", "-t", "tmpfs", "-o", "size=600k", "none", folder } }
    if mounted.code ~= 0 then return pending "only root can mount" end
    local _unmount <close> = defer(function() proc.run { argv = { "umount", "-l", folder } } end)
    local run = journal.create(folder .. "/journal", { tenant = "alpha" })
    run:append { t = "intent", key = "a" }
    proc.run { argv = { "sh", "-c", "cat /dev/zero > " .. folder .. "/filler" } }
    run:append { t = "result", after = ("x"):rep(20000) }
    assert.equal("ENOSPC", raised(run.append, run, { t = "intent", key = "b", desired = ("y"):rep(20000) }).code)
    run:append { t = "end", status = "failed" }
    run:close()
    local records = journal.read(folder .. "/journal")
    assert.same({ "begin", "intent", "result", "end" }, {
      records[1].t,
      records[2].t,
      records[3].t,
      records[4].t,
    })
  end)
end)
