local folder = require "tests.support.folder"
local folder_lock = require "o2x.base.folder_lock"
local fs = require "o2x.base.fs"
local raised = require "tests.support.raised"
local task = require "o2x.base.task"

describe("the lock of a folder", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  it("is held by one at a time; the next waits, and leaves nothing behind", function()
    local order = {}
    task.each({ 1, 2, 3 }, function(i)
      local _lock <close> = folder_lock.take(place.path)
      order[#order + 1] = i
      task.sleep(0.01)
      order[#order + 1] = i
    end)
    assert.equal(6, #order)
    for i = 1, 5, 2 do
      assert.equal(order[i], order[i + 1])
    end
    assert.same({}, fs.list(place.path))
  end)

  it("is not waited for without end", function()
    local _lock <close> = folder_lock.take(place.path)
    local problem = raised(folder_lock.take, place.path, 0)
    assert.same({ "locked", "fuser -v " .. place.path }, { problem.kind, problem.hint:match "fuser.*" })
  end)

  it(
    "of a folder that is not there is a failure",
    function() assert.equal("ENOENT", raised(folder_lock.take, place:at "no").code) end
  )
end)
