local section = require "o2x.base.section"

local HEADING <const> = "## b ("
local TEXT <const> = [[
# Inventory

## a (1)
- one

## b (2)
- two

## c (3)
- three
]]

local function strayed(after) return section.strayed(TEXT, after, HEADING) end
local function change(old, new) return (TEXT:gsub(old, new, 1)) end

describe("a file of sections", function()
  it("has lines outside of one owner's section", function()
    assert.same({ "# Inventory", "## a (1)", "- one", "## c (3)", "- three" }, section.outside(TEXT, HEADING))
    assert.same({}, section.outside("", HEADING))
    assert.same({ "x" }, section.outside("x", HEADING))
  end)

  it("lets the owner change, remove and repeat the own section", function()
    for _, after in ipairs {
      TEXT,
      change("%- two", "- 2\n- more\n### below\n\ntext"),
      change("## b %(2%)\n%- two\n", ""),
      TEXT .. "\n## b (4)\n- again\n",
      TEXT:gsub("\n\n", "\n"),
      TEXT .. "\n\n\n",
    } do
      assert.is_nil(strayed(after), after)
    end
    assert.is_nil(section.strayed("# Inventory\n", "# Inventory\n\n## b (2)\n- two\n", HEADING))
  end)

  it("does not let the owner change anything else", function()
    for _, row in ipairs {
      { change("%- one", "- 1"), "- one" },
      { change("## c %(3%)\n%- three\n", ""), "## c (3)" },
      { change("## c", "## d"), "## c (3)" },
      { change("## c %(3%)\n", ""), "## c (3)" },
      { change("## a %(1%)\n", "## b (1)\n"), "## a (1)" },
      { change("# Inventory\n", ""), "# Inventory" },
      { TEXT .. "\n## d (4)\n", "## d (4)" },
      { TEXT .. "more\n", "more" },
      { change("%- two", "- two\n## bb (5)"), "## c (3)" },
      { "", "# Inventory" },
      { "## b (2)\n- two\n", "# Inventory" },
    } do
      assert.equal(row[2], strayed(row[1]))
    end
  end)

  it("may be made with a title, but with no other section", function()
    assert.is_nil(section.strayed(nil, "# Inventory\n\n## b (2)\n- two\n", HEADING))
    assert.is_nil(section.strayed(nil, "## b (2)\n- two\n", HEADING))
    assert.equal("## a (1)", section.strayed(nil, "# Inventory\n## a (1)\n", HEADING))
    assert.equal("# x", section.strayed(nil, "# Inventory\n# x\n", HEADING))
  end)
end)
