local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local reference = require "o2x.script.reference"
local secret = require "o2x.base.secret"
local signature = require "o2x.script.signature"
local value = require "o2x.base.value"

local KEY = secret.new("a secret of some length", "key")

-- api, function, arguments → what is wrong with them
local WRONG = {
  { "vault", "read", { {} }, "path must be a string, got a table" },
  { "vault", "read", {}, "path must be a string, got nothing" },
  { "vault", "read", { print }, "path must be a string, got a function" },
  { "vault", "read", { KEY }, "path must be a string, got a secret" },
  { "vault", "ensure", { "x" }, "fields must be a table, got nothing" },
  { "vault", "ensure", { "x", {}, { generate = 7 } }, "options.generate must be a table, got a number" },
  { "vault", "try_token", { "text", "x" }, "token must be a userdata, got a string" },
  { "dns", "ensure_record", { { name = "x", type = "A", values = "1.2.3.4" } }, "given.values must be a table" },
  { "dns", "ensure_record", { { name = "x", type = "A", values = { true } } }, "given.values[1] must be a string" },
  { "broker", "ensure_queue", { { name = "x" } }, "name must be a string, got a table" },
  { "clock", "parse", { true }, "text must be a string" },
  { "webhook", "send", { "x" }, "body must be a table, got nothing" },
  { "pg", "one", { {} }, "sql must be a string, got a table" },
  { "service", "call", { { port = "80" } }, "request.port must be a integer, got a string" },
}

-- A number in the place of a text, and a fraction in that of a whole number, where they were the mistake.
local STRICTLY_WRONG = {
  { "secret", "equal", { "x", 7 }, "b must be a userdata or string, got a number" },
  { "text", "bytes", { 1.5 }, "bytes must be a integer, got a number" },
  { "text", "suggest", { "x", { 1 } }, "names[1] must be a string, got a number" },
  { "yaml", "decode", { 1 }, "text must be a string, got a number" },
}

local RIGHT = {
  { "vault", "read", { "x" } },
  { "vault", "read", { value.unknown } },
  { "vault", "ensure", { "x", { a = KEY, b = "c" } } },
  { "vault", "ensure", { "x", {}, { generate = { a = 8 } } } },
  { "clock", "iso", {} },
  { "clock", "iso", { 7.5 } },
  { "nosuch", "read", { {} } },
  { "vault", "nosuch", { {} } },
}

describe("an argument", function()
  for _, case in ipairs(WRONG) do
    it(("of %s.%s is wrong: %s"):format(case[1], case[2], case[4]), function()
      local message = signature.problem(case[1], case[2], case[3])
      assert.truthy(message and message:find(case[4], 1, true), tostring(message))
    end)
  end

  for _, case in ipairs(STRICTLY_WRONG) do
    it(("of %s.%s is strictly wrong: %s"):format(case[1], case[2], case[4]), function()
      assert.is_nil(signature.problem(case[1], case[2], case[3]))
      assert.equal(case[4], signature.problem(case[1], case[2], case[3], true))
    end)
  end

  for i, case in ipairs(RIGHT) do
    it(
      ("of %s.%s is right (%d)"):format(case[1], case[2], i),
      function() assert.is_nil(signature.problem(case[1], case[2], case[3])) end
    )
  end

  it("of any function can be looked at", function()
    local count = 0
    for _, api in ipairs(effects.NAMES) do
      for name in pairs(reference.of(api) or {}) do
        for _, wrong in ipairs { {}, { {} }, { { {} }, { {} }, { {} } }, { print, print }, { true, 1, "x" } } do
          local message = signature.problem(api, name, wrong)
          assert.is_nil(message and message:find "0x")
          count = count + 1
        end
      end
    end
    assert.is_true(count > 300)
  end)
end)

describe("a function that explains", function()
  local function line() return "x.lua:3" end
  local function explained(fn) return signature.explain(fn, "vault", "read", line, line) end

  it("says what is wrong instead of an error from inside", function()
    local ok, err = pcall(explained(function(path) return "a" .. path end), {})
    assert.is_false(ok)
    assert.same(
      { "input", "vault.read: path must be a string, got a table", "x.lua:3" },
      { err.kind, err.message, err.where }
    )
  end)

  it("leaves results, errors of its own, and errors that it cannot explain", function()
    assert.same({ 1, nil, 3, n = 3 }, table.pack(explained(function() return 1, nil, 3 end)("x")))
    local own = errors.new { kind = "refused", message = "no" }
    assert.equal(own, select(2, pcall(explained(function() error(own, 0) end), {})))
    local _, err = pcall(explained(function() error "oops" end), "x")
    assert.equal("bug", err.kind)
  end)
end)
