-- The disk was full when the journal of a run, or a plan, began: the message was a bug's, because the hint of an error
-- cannot be assigned.

local fs = require "o2x.base.fs"
local raised = require "tests.support.raised"
local journal = require "o2x.engine.journal"

describe("a journal that cannot begin", function()
  local folder, core, real
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-full-"
    core = require "o2x.core.journal"
    real = core.open
    core.open = function(...)
      local file = real(...)
      return {
        reserve = function() return nil, "no space left on device", "ENOSPC" end,
        append = function() end,
        close = function() file:close() end,
      }
    end
  end)
  after_each(function()
    core.open = real
    fs.remove_tree(folder)
  end)

  for again, hint in pairs {
    [false] = "free some space, then start the run again",
    ["plan again"] = "free some space, then plan again",
  } do
    it("says what to do: " .. hint, function()
      local err = raised(journal.create, fs.join(folder, "journal"), {}, again or nil)
      assert.equal("failed", err.kind)
      assert.equal("ENOSPC", err.code)
      assert.equal(hint, err.hint)
    end)
  end
end)

describe("a file on a full disk", function()
  it("says what to do, too", function()
    local core = require "o2x.core.fs"
    local real = core.write
    core.write = function(path) return nil, path .. ": No space left on device", "ENOSPC" end
    local err = raised(fs.write, "/tmp/x", "text")
    core.write = real
    assert.equal("free some space on this disk, then the same again", err.hint)
  end)
end)
