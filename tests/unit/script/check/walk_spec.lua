local parser = require "o2x.script.check.parser"
local walk = require "o2x.script.check.walk"

describe("a walk", function()
  it("enters parents first, and not what is refused", function()
    local names = {}
    walk.walk(parser.parse "f(a, function() b() end)", function(node)
      if node.k == "name" then names[#names + 1] = node.name end
      return not (node.k == "func" and node.line == 1 and #names > 0)
    end)
    assert.same({ "f", "a" }, names)
  end)

  it("visits every kind of node, and no list twice", function()
    local kinds = {}
    local text = "local a = { [f] = -x.y, g = 1 } if a then b() else c:d(e) end for i = 1, 2 do a[i] = i .. 's' end"
    walk.walk(parser.parse(text), function(node) kinds[#kinds + 1] = node.k end)
    assert.equal(
      "func local table name unary index name string number if name expression call name expression method name name "
        .. "loop number number assign binary name string index name name",
      table.concat(kinds, " ")
    )
  end)

  it("can begin anywhere, and ends with the node", function()
    local names = {}
    local main = parser.parse "f(a) g(b)"
    walk.walk(main.body[1], function(node) names[#names + 1] = node.name end)
    assert.same({ "f", "a" }, names)
  end)
end)
