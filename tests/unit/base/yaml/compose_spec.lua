local compose = require "o2x.base.yaml.compose".compose

local function refused(text, where)
  local ok, err = pcall(compose, text, "v.yaml")
  assert.is_false(ok)
  assert.equal("input", err.kind)
  assert.equal(where, err.where)
  return err.message
end

describe("yaml.compose", function()
  it("gives a node for each document", function()
    local documents = compose("a: 1\n---\n- x\n", "v.yaml")
    assert.same({ "mapping", "sequence" }, { documents[1].kind, documents[2].kind })
  end)

  it("gives the place of each node in the text", function()
    local text = "name: x\nport:  8080\n"
    local port = compose(text, "v.yaml")[1].entries[2].value
    assert.equal("8080", port.text)
    assert.same({ 2, 8 }, { port.line, port.column })
    assert.equal("8080", text:sub(port.first, port.last))
  end)

  it("leads an alias to what its anchor names", function()
    local entries = compose("a: &x [1]\nb: *x\n", "v.yaml")[1].entries
    assert.equal("alias", entries[2].value.kind)
    assert.equal(entries[1].value, entries[2].value.target)
  end)

  it("says where a text is no YAML", function() refused("a: [1\n", "v.yaml:2:1") end)

  it("says where an anchor is missing", function() refused("a: *nosuch\n", "v.yaml:1:4") end)

  it("refuses more aliases than anybody writes", function()
    local text = "a: &x 1\nb:\n" .. ("- *x\n"):rep(1001)
    refused(text, "v.yaml:1003:3")
  end)
end)
