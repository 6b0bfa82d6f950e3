local parser = require "o2x.script.check.parser"

local function only(text) return parser.parse(text).body[1] end

-- An expression with parentheses around each operation.
local function shown(node)
  if node.k == "binary" then return ("(%s %s %s)"):format(shown(node.a), node.op, shown(node.b)) end
  if node.k == "unary" then return ("(%s %s)"):format(node.op, shown(node.a)) end
  return node.name or node.value
end

local function expression(text) return shown(only("return " .. text).values[1]) end

describe("the parser", function()
  it("binds operators as Lua does", function()
    assert.equal("(a + (b * c))", expression "a + b * c")
    assert.equal("((a - b) - c)", expression "a - b - c")
    assert.equal("(a .. (b .. c))", expression "a .. b .. c")
    assert.equal("(a ^ (b ^ c))", expression "a ^ b ^ c")
    assert.equal("(- (a ^ b))", expression "-a ^ b")
    assert.equal("((not a) == b)", expression "not a == b")
    assert.equal("(a or (b and c))", expression "a or b and c")
  end)

  it("resolves a name to its local variable", function()
    local main = parser.parse "local x = 1 return x"
    assert.equal(main.body[1].vars[1], main.body[2].values[1].var)
  end)

  it("leaves a global without a variable", function() assert.is_nil(only("return x").values[1].var) end)

  it("ends a scope with its block", function()
    local main = parser.parse "do local x = 1 end return x"
    assert.is_nil(main.body[2].values[1].var)
  end)

  it("does not let a local see itself in its own value", function()
    assert.is_nil(only("local x = x").values[1].var)
    assert.is_not_nil(only("local function f() return f end").values[1].body[1].values[1].var)
  end)

  it("gives parameters and self their variables", function()
    local func = only("function t:m(a) return self, a end").values[1]
    assert.same({ "self", "a" }, { func.params[1].name, func.params[2].name })
    assert.equal(func.params[1], func.body[1].values[1].var)
  end)

  it("reads each form of a call", function()
    for text, count in pairs { ["f()"] = 0, ["f(1, 2)"] = 2, ['f "x"'] = 1, ["f { 1 }"] = 1 } do
      local call = only(text).value
      assert.equal("call", call.k, text)
      assert.equal(count, #call.args, text)
    end
    local method = only("a.b:c(1)").value
    assert.same({ "method", "c" }, { method.k, method.name })
  end)

  it("reads tables with each form of a field", function()
    local items = only("return { 1, x = 2, ['y'] = 3, [z] = 4; 5 }").values[1].items
    assert.equal(5, #items)
    assert.same({ "x", "y" }, { items[2].name, items[3].name })
    assert.is_nil(items[4].name)
  end)

  it("reads every statement", function()
    local text = [[
      local a <const>, b = 1
      local function f(...) return ... end
      function a.b.c:d() end
      a.b, c[1] = 1, 2
      if a then elseif b then else end
      while a do break end
      repeat local x = 1 until x
      for i = 1, 10, 2 do end
      for k, v in pairs(t) do goto next ::next:: end
      do end
      ; return]]
    local kinds = {}
    for i, statement in ipairs(parser.parse(text).body) do
      kinds[i] = statement.k
    end
    assert.same({ "local", "local", "assign", "assign", "if", "loop", "loop", "loop", "loop", "do", "return" }, kinds)
  end)

  it("knows the line of a node", function() assert.equal(3, only("return a,\n b,\n c").values[3].line) end)

  it("follows long chains, and refuses what nests too deep", function()
    for _, repeated in ipairs { " + a", ".b", "()", " 'x'", "[1]" } do
      assert.is_true(pcall(parser.parse, "return a" .. repeated:rep(10000)), repeated)
      assert.is_false(pcall(parser.parse, "return a" .. repeated:rep(100000)), repeated)
    end
    for _, repeated in ipairs { "(", "{", "not ", "a .. ", "f(", "function() return ", "a[", "{ [" } do
      local ok, message = pcall(parser.parse, "return " .. repeated:rep(100000))
      assert.is_false(ok, repeated)
      assert.matches("nested too deep", message)
    end
    assert.is_false(pcall(parser.parse, ("do "):rep(100000)))
  end)
end)
