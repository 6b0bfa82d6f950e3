local emit = require "o2x.base.yaml.emit"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"
local secret = require "o2x.base.secret"

local function refused(value, message)
  local ok, err = pcall(emit.encode, value)
  assert.is_false(ok)
  assert.matches(message, err.message)
  return err
end

describe("emit.encode", function()
  it("writes records in their order, lists not indented", function()
    local value = ordered.new { { "name", "x" }, { "list", { 1, 2 } }, { "inner", { a = true } } }
    assert.equal("name: x\nlist:\n- 1\n- 2\ninner:\n  a: true\n", emit.encode(value))
  end)

  it(
    "writes a list of records",
    function() assert.equal("- a: 1\n  b: 2\n- a: 3\n", emit.encode { { a = 1, b = 2 }, { a = 3 } }) end
  )

  it(
    "tells an empty list from an empty record",
    function() assert.equal("a: []\nb: {}\n", emit.encode { a = json.array {}, b = {} }) end
  )

  it("writes several lines as a block", function()
    assert.equal("a: |\n  x\n  y\n", emit.encode { a = "x\ny\n" })
    assert.equal("a: |-\n  x\n  y\n", emit.encode { a = "x\ny" })
  end)

  it("refuses what YAML cannot hold, and says where", function()
    refused({ a = { b = print } }, "a function.*, at a.b")
    refused({ a = 0 / 0 }, "not finite")
    refused({ a = "\xff" }, "not UTF%-8")
    refused({ 1, 2, x = 3 }, "neither a list nor a record")
  end)

  it("refuses a table in itself", function()
    local loop = {}
    loop.loop = loop
    refused(loop, "nested deeper")
  end)

  it("refuses a secret", function()
    local err = refused({ key = secret.new("sesame-sesame", "key") }, "a secret")
    assert.equal("refused", err.kind)
  end)
end)

describe("emit.string", function()
  it("quotes only what would be read as something else", function()
    assert.equal("hello world", emit.string "hello world")
    assert.equal('"yes"', emit.string "yes")
    assert.equal('"12"', emit.string "12")
    assert.equal('"a: b"', emit.string "a: b")
    assert.equal('"- x"', emit.string "- x")
    assert.equal('"x "', emit.string "x ")
  end)

  it("takes the quotes that need the fewest escapes", function()
    assert.equal([['say "yes": x']], emit.string 'say "yes": x')
    assert.equal([["tab\there"]], emit.string "tab\there")
  end)

  it("escapes what YAML requires to be escaped", function()
    assert.equal([["\0\x01\L"]], emit.double_quoted "\0\1\u{2028}")
    assert.equal([["\ufeff"]], emit.double_quoted "\u{feff}")
  end)
end)

describe("emit.flow", function()
  it(
    "writes a value on one line",
    function() assert.equal("{a: 1, b: [x, z]}", emit.flow(ordered.new { { "a", 1 }, { "b", { "x", "z" } } })) end
  )

  it("quotes what would end a flow", function() assert.equal('["a,b"]', emit.flow { "a,b" }) end)
end)
