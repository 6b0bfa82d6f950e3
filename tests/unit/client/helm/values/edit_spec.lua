local compose = require "o2x.base.yaml.compose"
local edit = require "o2x.client.helm.values.edit"

local function root(text) return compose.compose(text, "v.yaml")[1] end

-- The place of an entry's value.
local function entry(text, i)
  local found = root(text).entries[i]
  return { node = found.value, entry = found }
end

describe("edit.put", function()
  it("changes the bytes of a scalar and no others", function()
    local text = "a: 1   # one\n\nb:   2 # two\n"
    assert.equal("a: 1   # one\n\nb:   3 # two\n", edit.put(text, entry(text, 2), 3))
  end)

  it("writes a text in the way of the old one", function()
    assert.equal('a: "y"\n', edit.put('a: "x"\n', entry('a: "x"\n', 1), "y"))
    assert.equal("a: 'y'\n", edit.put("a: 'x'\n", entry("a: 'x'\n", 1), "y"))
    assert.equal('a: "12"\n', edit.put("a: x\n", entry("a: x\n", 1), "12"))
  end)

  it("puts a table below its key, and the comment stays at it", function()
    local text = "a: 1 # one\nb: 2\n"
    assert.equal("a: # one\n  x: 1\nb: 2\n", edit.put(text, entry(text, 1), { x = 1 }))
  end)

  it("puts a scalar in the place of a table", function()
    local text = "a:\n  x: 1\nb: 2\n"
    assert.equal("a: 7\nb: 2\n", edit.put(text, entry(text, 1), 7))
  end)

  it("keeps the line ends of the file", function()
    local text = "a: 1\r\nb: 2\r\n"
    assert.equal("a:\r\n  x: 1\r\nb: 2\r\n", edit.put(text, entry(text, 1), { x = 1 }))
  end)
end)

describe("edit.add_entry", function()
  it("puts a key at its place in a sorted mapping", function()
    local text = "a: 1\nc: 3\n"
    assert.equal("a: 1\nb: 2\nc: 3\n", edit.add_entry(text, root(text), "b", 2))
    assert.equal("_: 0\na: 1\nc: 3\n", edit.add_entry(text, root(text), "_", 0))
  end)

  it("puts it at the end where the keys are in no order", function()
    local text = "c: 3\na: 1\n"
    assert.equal("c: 3\na: 1\nb: 2\n", edit.add_entry(text, root(text), "b", 2))
  end)

  it(
    "adds to a mapping in braces",
    function() assert.equal("{ a: 1, b: 2 }\n", edit.add_entry("{ a: 1 }\n", root "{ a: 1 }\n", "b", 2)) end
  )
end)

describe("edit.add_item", function()
  it("adds to the end of a list", function()
    local text = "a:\n- 1\n- 2\nb: 3\n"
    local list = root(text).entries[1].value
    assert.equal("a:\n- 1\n- 2\n- x: 1\nb: 3\n", edit.add_item(text, list, { x = 1 }))
    assert.equal("[1, 2]\n", edit.add_item("[1]\n", root "[1]\n", 2))
  end)
end)

describe("edit.remove", function()
  it("takes whole lines out", function()
    local text = "a: 1\nb:\n  x: 1\n  y: 2\nc: 3\n"
    assert.equal("a: 1\nc: 3\n", edit.remove_entry(text, root(text), 2))
    assert.equal("- 1\n- 3\n", edit.remove_item("- 1\n- 2\n- 3\n", root "- 1\n- 2\n- 3\n", 2))
  end)

  it("takes the first entry of an item out, and leaves its dash", function()
    local text = "- a: 1\n  b: 2\n"
    assert.equal("- b: 2\n", edit.remove_entry(text, root(text).items[1], 1))
  end)
end)

describe("edit.rewrite", function()
  local function rewrite(text)
    return edit.rewrite(text, root(text).entries[1].value, function(old) return (old:gsub("x", "yes")) end, false)
  end

  it("changes a text in its own style, and quotes what then needs it", function()
    assert.equal("a: zyes\n", rewrite "a: zx\n")
    assert.equal('a: "yes"\n', rewrite "a: x\n")
    assert.equal("a: 'yes'\n", rewrite "a: 'x'\n")
    assert.equal("a: | # x\n  yes\n", rewrite "a: | # x\n  x\n")
  end)
end)
