local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local read = require "o2x.client.helm.values.read"

describe("the values of a file", function()
  -- name → text, JSON of what helm makes of it
  local CASES <const> = {
    ["of a usual file"] = { "a: 1\nb: [x]\n", '{"a":1,"b":["x"]}' },
    ["that ends in a separator"] = { "a: 1\n---\n", '{"a":1}' },
    ["that ends in a separator without newline"] = { "a: 1\n---", '{"a":1}' },
    ["with a comment behind the separator"] = { "---\na: 1\n---\n# end\n", '{"a":1}' },
    ["with an end mark and a separator"] = { "a: 1\n...\n---\n", '{"a":1}' },
    ["with null as its second document"] = { "a: 1\n---\n~\n", '{"a":1}' },
    ["of an empty file"] = { "", "{}" },
    ["of comments"] = { "# none\n", "{}" },
    ["of null"] = { "null\n", "{}" },
    ["behind a byte order mark"] = { "\xef\xbb\xbfa: 1\n", '{"a":1}' },
    ["with CR LF"] = { "a: 1\r\n---\r\n", '{"a":1}' },
  }
  for name, case in pairs(CASES) do
    it(name, function() assert.equal(case[2], json.encode(read.values(case[1], "v.yaml"))) end)
  end

  -- text → where, a part of the message
  local WRONG <const> = {
    ["a: 1\n---\nb: 2\n"] = { "v.yaml:3", "only one document: helm ignores this one" },
    ["---\n---\nb: 2\n"] = { "v.yaml:3", "only one document" },
    ["- a\n"] = { "v.yaml:1", "must be a map" },
    ["text\n"] = { "v.yaml:1", "must be a map" },
    ["a: 1\na: 2\n"] = { "v.yaml:2:1", 'duplicate key "a"' },
    ["\xff\xfea\0:\0"] = { "v.yaml", "is UTF-16" },
    ["a:\n\tb: 1\n"] = { "v.yaml:2:1", "a tab" },
  }
  for text, wrong in pairs(WRONG) do
    it(("are refused with their line: %q"):format(text), function()
      local e = raised(read.values, text, "v.yaml")
      assert.same({ "input", wrong[1] }, { e.kind, e.where })
      assert.is_truthy(e.message:find(wrong[2], 1, true), e.message)
    end)
  end

  it("are merged as helm merges several files", function()
    local merged = read.merge(
      { a = 1, m = { x = 1, y = { 1 } }, l = { 1 }, n = { k = 1 } },
      { a = json.null, m = { y = { 2 }, z = 3 }, l = json.array {}, n = 5 }
    )
    assert.equal('{"a":null,"l":[],"m":{"x":1,"y":[2],"z":3},"n":5}', json.encode(merged))
  end)
end)
