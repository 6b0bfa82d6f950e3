local script_order = require "o2x.base.script_order"
local task = require "o2x.base.task"

-- The places of what was done, by name.
local function record()
  local places = {}
  return places, function(name) places[name] = task.place() end
end

describe("a place", function()
  it("is in the order of the program, whoever waits longest", function()
    local places, mark = record()
    mark "1"
    task.parallel {
      a = function()
        task.sleep(0.05)
        mark "2a1"
        task.each({ 1, 2 }, function(n) mark("2a2" .. n) end)
        mark "2a3"
      end,
      b = function() mark "2b1" end,
    }
    task.timeout(1, mark, "3")
    mark "4"
    local names = {}
    for name in pairs(places) do
      names[#names + 1] = name
    end
    table.sort(names, function(one, other) return places[one] < places[other] end)
    assert.same({ "1", "2a1", "2a21", "2a22", "2a3", "2b1", "3", "4" }, names)
  end)

  it("precedes another one if it is always done before it", function()
    local places, mark = record()
    mark "before"
    task.parallel {
      a = function()
        mark "a1"
        mark "a2"
      end,
      b = function() mark "b" end,
    }
    mark "after"
    local function precedes(one, other) return script_order.precedes(places[one], places[other]) end
    for _, pair in ipairs { { "before", "a1" }, { "a1", "a2" }, { "a2", "after" }, { "b", "after" } } do
      assert.is_true(precedes(pair[1], pair[2]), table.concat(pair, " "))
      assert.is_false(precedes(pair[2], pair[1]), table.concat(pair, " "))
    end
    assert.is_false(precedes("a1", "b"))
    assert.is_false(precedes("b", "a1"))
    assert.is_false(precedes("b", "b"))
  end)
end)
