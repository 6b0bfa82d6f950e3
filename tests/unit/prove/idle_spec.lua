local idle = require "o2x.prove.idle"

local function settled(expected, found)
  expected, found = { postgres = expected }, { postgres = found }
  idle.settle(expected, found)
  return { expected.postgres, found.postgres }
end

describe("o2x's own tables after a run that changed nothing", function()
  local made = { ["a schema o2x"] = {}, ["a table o2x.effect"] = { owner = "admin" }, ["a rows o2x.effect"] = {} }
  local function copy(more)
    local items = {}
    for _, each in ipairs { made, more or {} } do
      for name, item in pairs(each) do
        items[name] = item
      end
    end
    return items
  end

  it("may be there or not", function()
    assert.same({ {}, {} }, settled(copy(), {}))
    assert.same({ {}, {} }, settled({}, copy()))
  end)

  it("must be alike where both sides have them, and a marker and another schema count", function()
    local other = { ["a table o2x.effect"] = { owner = "other" } }
    assert.same({ other, { ["a table o2x.effect"] = made["a table o2x.effect"] } }, settled(other, copy()))
    local marker = { ["a rows o2x.effect"] = { ["row 1"] = "R-1" } }
    assert.same({ {}, marker }, settled({}, copy(marker)))
    assert.same({ { ["a schema mine"] = {} }, {} }, settled({ ["a schema mine"] = {} }, {}))
  end)
end)
