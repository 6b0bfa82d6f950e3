local json = require "o2x.base.json"
local shape = require "o2x.base.shape"

-- form, JSON, problem
local CASES = {
  { "string", '"x"' },
  { "string", "1", "expected a string, got a number" },
  { "string", "null", "expected a string, got nothing" },
  { "string?", "null" },
  { "string?", "[]", "expected a string, got a list" },
  { "integer", "1" },
  { "integer", "1.5", "expected an integer, got a number" },
  { "any", "null", "expected an any, got nothing" },
  { "map", "{}" },
  { "map", "[1]", "expected a map, got a list" },
  { "map?", "null" },
  { { "each", "string" }, '["a", "b"]' },
  { { "each", "string" }, '["a", null]', "[2]: expected a string, got nothing" },
  { { "each", "string" }, '{"a": 1}', "expected a list, got a map" },
  { { "each", "string" }, "null", "expected a list, got nothing" },
  { { data = { version = "integer" } }, '{"data": {"version": 3, "more": true}}' },
  {
    { data = { version = "integer" } },
    '{"data": {"version": "3"}}',
    "data.version: expected an integer, got a string",
  },
  { { data = { version = "integer" } }, '{"data": [1]}', "data: expected a map, got a list" },
  { { data = { version = "integer" } }, "{}", "data: expected a map, got nothing" },
  { { data = { version = "integer" } }, '"x"', "expected a map, got a string" },
  { { data = { "?", version = "integer" } }, '{"data": null}' },
  {
    { items = { "each", { name = "string" } } },
    '{"items": [{"name": "a"}, {}]}',
    "items[2].name: expected a string, got nothing",
  },
} -- stylua: ignore

describe("the shape of an answer", function()
  for _, case in ipairs(CASES) do
    it(
      case[2] .. (case[3] and ": " .. case[3] or ""),
      function() assert.equal(case[3], shape.problem(json.decode(case[2]), case[1])) end
    )
  end

  it("removes nulls from the fields that it names", function()
    local value = json.decode '{"a": null, "b": {"c": null}}'
    assert.is_nil(shape.problem(value, { a = "string?", b = { c = "map?" } }))
    assert.is_nil(value.a)
    assert.is_nil(value.b.c)
  end)

  it("is an error that says whose answer it is", function()
    local ok, err = pcall(shape.check, 1, "string", "Vault: read x", "vault")
    assert.is_false(ok)
    assert.equal("failed", err.kind)
    assert.equal("Vault: read x: unexpected answer: expected a string, got a number", err.message)
  end)
end)
