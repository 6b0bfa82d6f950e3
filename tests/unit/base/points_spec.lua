local points = require "o2x.base.points"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

describe("points", function()
  after_each(function() points.watch(nil) end)

  local function seen(fn)
    local list = {}
    points.watch(
      function(moment, system, name, changes)
        list[#list + 1] = ("%s %s %s%s"):format(moment, system, name, changes and " !" or "")
      end
    )
    fn()
    points.watch(nil)
    return list
  end

  it("cost nothing to anybody when nobody watches", function()
    assert.is_false(points.watched())
    points.before("http", "GET x")
    points.after("http", "GET x")
  end)

  it("stand before and after the writes of files", function()
    local folder = fs.temp_folder()
    local path = fs.join(folder, "x")
    assert.same({
      ("before file %s !"):format(path),
      ("after file %s !"):format(path),
    }, seen(function() fs.write(path, "x") end))
    fs.remove_tree(folder)
  end)

  it("stand around the life of a child", function()
    assert.same(
      { "before child true !", "after child true !", "after child true ended !" },
      seen(function() proc.run { argv = { "true" } } end)
    )
  end)

  it("tell of the parts of an effect", function()
    local e = { type = { kind = "toy.value" }, key = "sign" }
    assert.same({ "written effect toy.value sign" }, seen(function() points.effect("written", {}, e) end))
  end)
end)
