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

  it("gives one owner's sections, and takes others in their place", function()
    for _, row in ipairs {
      { TEXT, "## b (2)\n- two\n" },
      { "## b (2)", "## b (2)\n" },
      { "# T\n## b (2)\n- 2\n\n\n## a (1)\n## b (3)\n", "## b (2)\n- 2\n\n\n## b (3)\n" },
      { "", nil },
      { "# T\n\n## bb (2)\n", nil },
    } do
      assert.equal(row[2], section.own(row[1], HEADING))
    end
    assert.equal(TEXT, section.replace(TEXT, HEADING, section.own(TEXT, HEADING)))
    assert.equal(change("%- two", "- 2"), section.replace(TEXT, HEADING, "## b (2)\n- 2\n"))
    assert.equal(change("## b %(2%)\n%- two\n\n", ""), section.replace(TEXT, HEADING, nil))
    assert.equal("# T\n\n## b (2)\n", section.replace("# T\n", HEADING, "## b (2)\n"))
    assert.equal("## b (2)\n", section.replace("", HEADING, "## b (2)\n"))
  end)

  it("has a title, if it begins with one", function()
    assert.equal("# Inventory\n", section.title(TEXT))
    assert.is_nil(section.title "## a\n")
  end)

  it("may be made with a title, but with no other section", function()
    assert.is_nil(section.strayed(nil, "# Inventory\n\n## b (2)\n- two\n", HEADING))
    assert.is_nil(section.strayed(nil, "## b (2)\n- two\n", HEADING))
    assert.equal("## a (1)", section.strayed(nil, "# Inventory\n## a (1)\n", HEADING))
    assert.equal("# x", section.strayed(nil, "# Inventory\n# x\n", HEADING))
  end)
end)
