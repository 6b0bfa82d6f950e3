-- Two replicas became none; somebody else's change made one of it, and the autoscaler two. A resumed run takes the
-- value that it found for one that was not written: nobody can tell that from outside. Such a case says nothing.

local foreign = require "o2x.prove.foreign"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

-- `settle` is what the system makes of a value that was written.
local function changed(before, settle)
  local system = 0
  local type = {
    kind = "number",
    read = function() return system end,
    write = function(_, _, desired) system = settle(desired) end,
  }
  local gate = { ctx = {}, read_live = function() return system end }
  local folder = fs.temp_folder()
  local path = fs.join(folder, "said")
  foreign.change(
    { to = path },
    { gate = gate, effect = { type = type, target = "a", key = "a", desired = 0, before = before } }
  )
  local said = json.read(fs.read(path), path)
  fs.remove_tree(folder)
  return said.value, system
end

local function as_it_is(n) return n end

describe("somebody else's value", function()
  it("is neither that of the run nor that before it", function()
    assert.same({ "[1]", 1 }, { changed(5, as_it_is) })
    assert.same({ "[2]", 2 }, { changed(1, as_it_is) })
  end)

  it("is none where the system itself goes back to the value before", function()
    local value = changed(2, function() return 2 end)
    assert.is_nil(value)
  end)
end)
