local graphql = require("lab.graphql_parser")
local run = require("lab.graphql_executor")

local NULL = {}
local calls

local schema = {
  query = "Query",
  mutation = "Mutation",
  types = {
    Query = {
      node = {
        type = "Node",
        input = { id = "ID!", depth = "Int" },
        resolve = function(_, input) return { id = input.id, text = tostring(input.depth) } end,
      },
      list = { type = "[Node]", resolve = function() return { { id = "a" }, { id = "b" } } end },
      broken = { type = "Node", resolve = function() graphql.fail("no such thing") end },
    },
    Mutation = {
      act = {
        type = "Node",
        input = { values = "[Int]" },
        resolve = function(_, input)
          calls = calls + 1
          return { id = table.concat(input.values, "+") }
        end,
      },
    },
    Node = {
      id = "ID",
      text = "String",
      next = { type = "Node", resolve = function(parent) return { id = parent.id .. "'" } end },
    },
  },
}

local function ask(query, variables, operation)
  return run.run(
    schema,
    { query = query, variables = variables, operationName = operation },
    { null = NULL, list = function(t) return t end }
  )
end

describe("GraphQL", function()
  before_each(function() calls = 0 end)

  it("selects fields, with aliases, arguments and __typename", function()
    assert.same(
      { a = { id = "x", kind = "Node" }, b = { id = "y" } },
      ask('{ a: node(id: "x") { id kind: __typename } b: node(input: {id: "y"}) { id } }').data
    )
    assert.same(
      { list = { { id = "a", next = { id = "a'" } }, { id = "b", next = { id = "b'" } } } },
      ask("{ list { id next { id } } }").data
    )
  end)

  it("takes variables, with defaults and types", function()
    local query = "query Q($id: ID!, $depth: Int = 7) { node(id: $id, depth: $depth) { id text } }"
    assert.same({ node = { id = "x", text = "7" } }, ask(query, { id = "x" }).data)
    assert.truthy(ask(query, {}).errors[1].message:find('"$id" of required type "ID!"', 1, true))
    assert.truthy(ask(query, { id = "x", depth = "deep" }).errors[1].message:find('expected type "Int"', 1, true))
    assert.same(
      { node = { id = "x", text = "nil" } },
      ask("query($in: In) { node(input: $in) { id text } }", { ["in"] = { id = "x" } }).data
    )
    assert.truthy(ask("query($in: In) { node(input: $in) { id } }", { ["in"] = { nosuch = 1 } }).errors)
  end)

  it("unfolds fragments and obeys directives", function()
    assert.same(
      { node = { id = "x" } },
      ask('{ node(id: "x") { ...F } } fragment F on Node { id text @skip(if: true) }').data
    )
    assert.same(
      { node = { id = "x" } },
      ask('query($y: Boolean) { node(id: "x") { ... on Node { id } text @include(if: $y) } }', { y = false }).data
    )
    assert.truthy(ask('{ node(id: "x") { ...Nosuch } }').errors)
    assert.truthy(ask('{ node(id: "x") { ...F } } fragment F on Node { ...F }').errors)
    assert.truthy(ask('{ node(id: "x") { ...F } } fragment F on Node { next { ...F } next { ...F } }').errors)
  end)

  it("chooses the operation by name", function()
    local query = 'query A { node(id: "a") { id } } query B { node(id: "b") { id } }'
    assert.same({ node = { id = "b" } }, ask(query, nil, "B").data)
    assert.truthy(ask(query).errors)
    assert.truthy(ask(query, nil, "C").errors)
  end)

  it("reads every kind of value", function()
    assert.same({ act = { id = "1+-2" } }, ask("mutation { act(values: [1, -2]) { id } }").data)
    assert.equal('a"\n\u{e9}', ask([[{ node(id: "a\"\n\u00e9") { id } }]]).data.node.id)
    assert.equal(' b" ', ask('{ node(id: """ b" """) { id } }').data.node.id)
  end)

  it("does nothing when any part of the document is wrong", function()
    for _, query in ipairs({
      "mutation { act(values: [1]) { nosuch } }",
      "mutation { act(values: [1]) }",
      "mutation { act(nosuch: 1) { id } }",
      "mutation { act(values: [1]) { id { id } } }",
      "mutation { act(values: [1]) { id }",
      "mutation { nosuch { id } }",
    }) do
      local answer = ask(query)
      assert.is_nil(answer.data)
      assert.equal(1, #answer.errors)
    end
    assert.equal(0, calls)
  end)

  it("says where", function()
    local problem = ask("{\n  list { nosuch } }").errors[1]
    assert.same({ { line = 2, column = 10 } }, problem.locations)
    local answer = ask('{ broken { id } node(id: "x") { id } }')
    assert.equal("no such thing", answer.errors[1].message)
    assert.same({ "broken" }, answer.errors[1].path)
    assert.equal(NULL, answer.data.broken)
    assert.equal("x", answer.data.node.id)
  end)

  it("refuses what is not GraphQL, whatever it is", function()
    for _, text in ipairs({
      "",
      "   ",
      "{",
      "}",
      "{}",
      "query",
      "{ a( }",
      '{ a(x: "',
      '{ a(x: "\\q") }',
      "{ a(x: 1, x: 2) }",
      "\0",
      "{ a @ }",
      "type T { a: Int }",
      ("{ a "):rep(200),
      "{ node(id: " .. ("["):rep(1000),
      ("x"):rep(300000),
    }) do
      assert.truthy(ask(text).errors, text:sub(1, 20))
    end
  end)
end)
