-- docs/house.svg shows the rooms and arrows of these sources.

local fs = require "o2x.base.fs"
local house = require "tests.support.house"
local picture = require "tests.support.house_picture"

local function dot_of(tree) return picture.dot(house.new(tree)) end

describe("docs/house.svg", function()
  it("is drawn from these sources; if not: make house", function()
    local drawn = picture.source(fs.read "docs/house.svg")
    assert.equal(dot_of(house.read "."), drawn)
  end)
end)

describe("the picture", function()
  local tree = {
    ["lua/o2x/main.lua"] = 'require "o2x.cli.help"',
    ["lua/o2x/cli/help.lua"] = 'require "o2x.base.fs"',
    ["lua/o2x/cli/list.lua"] = 'sandbox:require("stdlib.platform")',
    ["lua/o2x/base/fs.lua"] = "",
    ["stdlib/platform.lua"] = "",
  }

  it("has an arrow with the number of files", function()
    assert.matches("\n  main %-> cli %[[^\n]*<td>1</td>", dot_of(tree))
    tree["lua/o2x/cli/show.lua"] = ""
    tree["lua/o2x/main.lua"] = 'require "o2x.cli.help"\nrequire "o2x.cli.show"'
    assert.matches("\n  main %-> cli %[[^\n]*<td>2</td>", dot_of(tree))
  end)

  it("says in the box how often a room uses the floor", function()
    assert.matches("\n    cli %[[^\n]*uses base 1<", dot_of(tree))
    assert.not_matches("cli %-> base", dot_of(tree))
  end)

  it(
    "has a dashed arrow where the program asks for the platform",
    function() assert.matches("\n  cli %-> stdlib %[[^\n]*style=dashed", dot_of(tree)) end
  )
end)
