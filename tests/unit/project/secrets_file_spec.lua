local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local secrets_file = require "o2x.project.secrets_file"

local function parse(text) return secrets_file.parse(secret.new(text, "file"), "secrets.yaml") end

-- YAML of a value → its text: it is what is written
local TEXTS <const> = {
  { "a word", "sesame", "sesame" },
  { "an integer", "5432", "5432" },
  { "digits with zeros in front", "0042", "0042" },
  { "a float", "1.50", "1.50" },
  { "an exponent", "1e5", "1e5" },
  { "hexadecimal digits", "0x1F", "0x1F" },
  { "a boolean", "true", "true" },
  { "yes", "yes", "yes" },
  { "a date", "2027-02-11", "2027-02-11" },
  { "quotes", "'it''s'", "it's" },
  { "escapes", [["a\nb\u00e9"]], "a\nbé" },
  { "an empty string", '""', "" },
  { "the word null in quotes", '"null"', "null" },
  { "a tilde in quotes", "'~'", "~" },
  { "a folded text", ">-\n  a\n  b", "a b" },
  { "a literal text", "|-\n  a\n  b", "a\nb" },
  { "a tag", "!!int 7", "7" },
  { "a colon", "a:b", "a:b" },
  { "a long text", ("x"):rep(5000), ("x"):rep(5000) },
}

describe("a value of a secrets file", function()
  for _, case in ipairs(TEXTS) do
    it("is a secret of its text: " .. case[1], function()
      local found = parse(("a:\n  b: %s\n"):format((case[2]:gsub("\n", "\n  ")))).a.b
      assert.is_true(secret.is(found))
      assert.is_true(secret.equal(found, case[3]))
      assert.equal("‹secret a/b›", tostring(found))
    end)
  end

  for _, word in ipairs { "", "~", "null", "Null", "NULL" } do
    it(("is null if it is %q"):format(word), function() assert.equal(json.null, parse(("a: %s\n"):format(word)).a) end)
  end

  it("may be in a list", function()
    local list = parse("a: [x, {b: y}]").a
    assert.is_true(secret.equal(list[1], "x"))
    assert.is_true(secret.equal(list[2].b, "y"))
  end)
end)

-- the text, what the message has
local REFUSED <const> = {
  { "hunter2hunter2", "secrets.yaml: expected a map" },
  { "- hunter2hunter2", "secrets.yaml: expected a map" },
  { "a: hunter2hunter2\na: x", 'secrets.yaml:2:1: the key "a" stands twice' },
  { "a: &x hunter2hunter2\nb: *x", "secrets.yaml:1:4: anchors and aliases" },
  { "a: *hunter2hunter2", "secrets.yaml:1:4: anchors and aliases" },
  { "? [hunter2hunter2]\n: x", "secrets.yaml:1:3: a key must be a plain word" },
  { "a: hunter2hunter2\n---\nb: c", "secrets.yaml: more than one YAML document" },
  { "a: 'hunter2hunter2", "secrets.yaml:1:19: found unexpected end" },
  { "a: [hunter2hunter2", "secrets.yaml:2" },
  { "a:\n\tb: hunter2hunter2", "secrets.yaml:2:1: a tab" },
  { "a: hunter2hunter2\n b: c", "secrets.yaml:2" },
  { "a: hunter2hunter2\xff", "secrets.yaml:1" },
  { "a: " .. ("["):rep(100), "secrets.yaml:1:67: nested deeper" },
}

describe("a secrets file that is wrong", function()
  for i, case in ipairs(REFUSED) do
    it("is refused at its line, without its values: " .. i, function()
      local err = raised(parse, case[1])
      assert.equal("input", err.kind)
      assert.is_truthy(tostring(err):find(case[2], 1, true), tostring(err))
      assert.is_nil(tostring(err):find("hunter2", 1, true))
      assert.is_true(errors.is(err))
    end)
  end

  it("may be empty", function()
    for _, text in ipairs { "", "\n", "# nothing\n", "---\n", "null\n" } do
      assert.same({}, parse(text))
    end
  end)
end)
