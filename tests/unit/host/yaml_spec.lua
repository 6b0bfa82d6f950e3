-- The tree of a YAML text (host/yaml_tree.c), and a scalar that is put in the place of another one in it.

local compose = require "o2x.base.yaml.compose"
local core = require "o2x.core.yaml"
local json = require "o2x.base.json"
local scalar = require "o2x.base.yaml.scalar"
local task = require "o2x.base.task"

local WORDS <const> = scalar.WORDS

-- The node at a path of keys and numbers.
local function at(tree, path)
  local node = tree:document()
  for _, part in ipairs(path) do
    node = math.type(part) and tree:item(node, part) or tree:entry(node, tostring(part), WORDS)
    if not node then return nil end
  end
  return node
end

local function simple(text)
  local tree = compose.tree(text, "v.yaml")
  return tree, tree:simple(WORDS)
end

-- All nodes with their places, one a line.
local function places(node, into)
  into = into or {}
  local fields = {}
  for field, value in pairs(node) do
    if type(value) ~= "table" then fields[#fields + 1] = ("%s=%s"):format(field, value) end
  end
  table.sort(fields)
  into[#into + 1] = table.concat(fields, " ")
  for _, item in ipairs(node.items or {}) do
    places(item, into)
  end
  for _, entry in ipairs(node.entries or {}) do
    places(entry.key, into)
    places(entry.value, into)
  end
  return table.concat(into, "\n")
end

describe("a tree", function()
  it("is simple where each value has a place of its own", function()
    for text, expected in pairs {
      ["a: 1\nb: {c: [d, 'e']}\n8080: x\n"] = true,
      ["a: &x 1\n"] = false,
      ["a: 1\n<<: {b: 2}\n"] = false,
      ["a: !!str 1\n"] = false,
      ["a: 1\na: 2\n"] = false,
      ["8080: 1\n'8080': 2\n"] = false,
      ["a: .inf\n"] = false,
      ["a: -.inf\n"] = false,
      ["? [a]\n: b\n"] = false,
      ["~: b\n"] = false,
    } do
      local _tree <close>, is = simple(text)
      assert.equal(expected, is, text)
    end
  end)

  it("leads to entries, items, and items that hold something", function()
    local tree <close> = simple "a:\n- name: x\n- name: 12\n- other: y\non: b\n"
    local list = at(tree, { "a" })
    assert.equal(1, tree:holding(list, "name", "x", WORDS))
    assert.equal(2, tree:holding(list, "name", "12", WORDS))
    assert.is_nil(tree:holding(list, "name", "nil", WORDS))
    assert.is_nil(tree:item(list, 4))
    assert.same({ "sequence", "block", 3 }, { tree:form(list) })
    assert.same({ "scalar", "plain", 0 }, { tree:form(at(tree, { "true" })) })
  end)

  it("has no nodes any more when it is closed", function()
    local kept
    do
      local tree <close> = compose.tree("a: 1\n", "v.yaml")
      kept = tree
    end
    assert.is_nil(kept:document())
    assert.has_error(function() kept:nodes(1) end)
  end)
end)

describe("a scalar in the place of another", function()
  -- text, path, how it is written, its value; the new text, or nil where it must be done in another way
  local CASES <const> = {
    { "a: 1   # c\nb: 2\n", { "a" }, "x", "x", "a: x   # c\nb: 2\n" },
    { "a: 'x'\nb: 2", { "b" }, '"y"', "y", "a: 'x'\nb: \"y\"" },
    { "a:\n- x\n- b: y\n  c: z\n", { "a", 2, "b" }, "longer", "longer", "a:\n- x\n- b: longer\n  c: z\n" },
    { "é: ü # ö\nb: ä\n", { "é" }, "ééé", "ééé", "é: ééé # ö\nb: ä\n" },
    { "\xef\xbb\xbfa: x\nb: y\n", { "a" }, "zz", "zz", "\xef\xbb\xbfa: zz\nb: y\n" },
    { "a: x\r\nb: y\r\n", { "a" }, "zz", "zz", "a: zz\r\nb: y\r\n" },
    { "a: 1\n", { "a" }, "5", 5.0, "a: 5\n" },
    { "a: 1\n", { "a" }, "null", json.null, "a: null\n" },
    -- it would be read as something else
    { "a: 1\n", { "a" }, "yes", "yes" },
    { "a: 1\n", { "a" }, "x # y", "x # y" },
    { "a: 1\n", { "a" }, "x: y", "x: y" },
    { "a: 1\n", { "a" }, "'x", "'x" },
    { "a: 1\n", { "a" }, "- x", "- x" },
    { "a: 1\n", { "a" }, "x\n  y", "x y" },
    { "a: 1\n", { "a" }, "", json.null },
    { "a: 1\n", { "a" }, "&x y", "y" },
    { "a: 1\n", { "a" }, "!!str y", "y" },
    -- what is there has more than one line, or none
    { "a: x\n  y\n", { "a" }, "z", "z" },
    { "a: |\n  x\n", { "a" }, "z", "z" },
    { "a:\nb: 1\n", { "a" }, "z", "z" },
    { "a: {b: 1}\n", { "a" }, "z", "z" },
    { "a: x\xc2\x85  y\n", { "a" }, "z", "z" },
    -- it may be seen elsewhere
    { "a: &x 1\nb: 2\n", { "b" }, "z", "z" },
  }
  for _, case in ipairs(CASES) do
    local text, path, written, value, expected = table.unpack(case, 1, 5)
    it(("%s: %q, %s"):format(expected and "is put" or "is refused", text, written), function()
      local tree <close> = simple(text)
      local before = places(tree:nodes(tree:document()))
      local new, got = tree:replace(text, at(tree, path), written, value, WORDS)
      assert.equal(expected, new)
      if not new then
        assert.equal(before, places(tree:nodes(tree:document())))
        return
      end
      assert.equal(value, got)
      local again <close> = compose.tree(new, "v.yaml")
      assert.equal(places(again:nodes(again:document())), places(tree:nodes(tree:document())))
    end)
  end

  it("a thousand times leaves the tree as it would be composed anew", function()
    math.randomseed(7)
    local words = { "x", "'q'", '"d\\n"', "12", "true", "é", "a much longer text than before", "~", ".5" }
    local text = "a: 1\nb:\n- x\n- c: é   # ü\n  d: 'y'\n- - z\ne:\n  f: |\n    g\n  h: i\nj: {k: l}\nm: n"
    local paths = { { "a" }, { "b", 1 }, { "b", 2, "c" }, { "b", 2, "d" }, { "b", 3, 1 }, { "e", "h" }, { "m" } }
    local tree <close> = simple(text)
    for i = 1, 1000 do
      local path, word = paths[math.random(#paths)], words[math.random(#words)]
      local other <close> = compose.tree(word, "w")
      local value = compose.value(other, other:document(), "w")
      text = assert(tree:replace(text, at(tree, path), word, value, WORDS))
      if i % 100 == 0 then task.sleep(0) end
      local again <close> = compose.tree(text, "v.yaml")
      assert.equal(places(again:nodes(again:document())), places(tree:nodes(tree:document())))
    end
  end)
end)

describe("the native functions of YAML", function()
  it("refuse what is no node", function()
    local tree <close> = simple "a: 1\n"
    for _, number in ipairs { 0, -1, 4, math.maxinteger } do
      assert.has_error(function() tree:nodes(number) end)
      assert.has_error(function() tree:value(number, WORDS, 10) end)
      assert.has_error(function() tree:replace("a: 1\n", number, "x", "x", WORDS) end)
    end
    assert.has_error(function() tree:replace("", 3, "x", "x", WORDS) end)
  end)

  it("say who needs what", function()
    assert.has_error(function() core.compose(12) end)
    assert.has_error(function() core.resolve "x" end)
    assert.has_error(function() core.block({}, WORDS) end)
    assert.has_error(function() core.quote("x", "none") end)
  end)
end)
