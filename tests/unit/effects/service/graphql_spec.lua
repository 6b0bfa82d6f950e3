local graphql = require "o2x.effects.service.graphql"
local raised = require "tests.support.raised"

describe("a GraphQL document", function()
  it("that only reads is sent, without its comments", function()
    for text, expected in pairs {
      ["{ a }"] = "{ a }",
      ["query { a }"] = "query { a }",
      ["query Q($x: ID! = 1, $y: [I] = [{a: 1}]) { a }"] = "query Q ( $ x : ID ! = 1 $ y : [ I ] = [ { a : 1 } ] ) "
        .. "{ a }",
      ["query Q @d(a: {b: 1}) { a(x: $x) { b ...F } } fragment F on T { c }"] = "query Q @ d ( a : { b : 1 } ) "
        .. "{ a ( x : $ x ) { b ... F } } fragment F on T { c }",
      ["{ mutation }"] = "{ mutation }",
      ['{ a(x: "mutation { b }") }'] = '{ a ( x : "mutation { b }" ) }',
      ['{ a(x: "\\"} mutation { b }") }'] = '{ a ( x : "\\"} mutation { b }" ) }',
      ["# mutation { a }\n{ b }"] = "{ b }",
      ["{ b # }\n }"] = "{ b }",
      ["{ a(n: -1.5e3) { ... on X { c } } }"] = "{ a ( n : -1.5e3 ) { ... on X { c } } }",
    } do
      assert.equal(expected, graphql.query(text))
    end
  end)

  it("with several operations says which one is meant", function()
    local text = "query A { a } query B { b }"
    assert.equal(text, graphql.query(text, "B"))
    assert.matches("2 operations", raised(graphql.query, text).message)
    assert.matches("no operation C", raised(graphql.query, text, "C").message)
    assert.matches("no operation", raised(graphql.query, "{ a }", "A").message)
  end)

  it("that holds anything but queries is refused", function()
    for _, text in ipairs {
      "mutation { a }",
      "mutation M { a }",
      "subscription { a }",
      "query A { a } mutation B { b }",
      "mutation B { b } query A { a }",
      "{ a } mutation { b }",
      "fragment F on T { c } mutation { b }",
      "query A { a }# x\rmutation B { b }",
      "query A { a }, ,mutation B { b }",
      "query A($x: I = {a: 1}) { a } mutation B { b }",
      'query A { a(x: "}") } mutation B { b }',
      'query A { a(x: "\\\\") } mutation B { b }',
      "type A { b: Int }",
      "extend type A { b: Int }",
      "schema { mutation: M }",
      '"about" mutation B { b }',
      "Query { a }",
      "MUTATION { a }",
      "a",
    } do
      local e = raised(graphql.query, text, text:find "query A" and "A" or nil)
      assert.matches("a query only reads, but this is", e.message, nil, nil, text)
      assert.equal("refused", e.kind)
    end
    assert.matches("service.send", raised(graphql.query, "mutation { a }").hint)
  end)

  it("that can be read in two ways is refused", function()
    for _, text in ipairs {
      'query A { a(x: """ " """) } mutation B { b }',
      '{ a(x: """\\""" } mutation { b } """) }',
      "{ a",
      "{ a } }",
      "{ a ( }",
      "{ a ] }",
      '{ a(x: "b',
      '{ a(x: "b\n") }',
      '{ a(x: "\\x") }',
      "{ a \0 }",
      "{ a \v }",
      "{ a # \u{2028} mutation { b }\n}",
      "{ a } ; mutation { b }",
      "\u{FEFF}{ a }",
      "\xff{ a }",
      "",
      "# only\n",
      "fragment F on T { c }",
      ("{ a "):rep(100) .. ("}"):rep(100),
      ("x"):rep(70000),
      7,
      { "{ a }" },
    } do
      local e = raised(graphql.query, text)
      assert.is_truthy(e.kind == "input" or e.kind == "refused", tostring(text))
    end
    assert.equal("input", raised(graphql.query, nil).kind)
  end)
end)
