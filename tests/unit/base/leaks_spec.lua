local errors = require "o2x.base.error"
local leaks = require "o2x.base.leaks"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local KEY <const> = "sesame-open-leaks"
local key = secret.new(KEY, "cave/key")

local function border(more)
  local made = { what = "x.y" }
  for name, item in pairs(more or {}) do
    made[name] = item
  end
  return made
end

-- name of the case, value, what the message says
local REFUSED <const> = {
  { "a secret", key, "x.y: a secret must not go there" },
  { "a secret in a table", { a = { b = key } }, "x.y, a.b: a secret must not go there" },
  { "a secret in a list", { "x", key }, "x.y, 2: a secret must not go there" },
  { "its label", tostring(key), "x.y: has the label" },
  { "its label in a text", "v=" .. tostring(key) .. ";", "x.y: has the label" },
  { "its label in a key", { [tostring(key)] = 1 }, "x.y, …: has the label" },
  { "the mark of a hidden one", { a = "x‹secret›y" }, "x.y, a: has the label" },
  { "an unknown value's text", { a = tostring(value.unknown) }, "x.y, a: has the text that stands for an unknown" },
  { "its text", KEY, "x.y: has the text of a secret" },
  { "its text in a table", { a = { "b", "c " .. KEY } }, "x.y, a.2: has the text of a secret" },
  { "its text as a key", { [KEY] = true }, "x.y, …: has the text of a secret" },
  { "its text in base64", { a = "c2VzYW1lLW9wZW4tbGVha3M=" }, "x.y, a: has the text of a secret" },
  { "its text in hex", { a = "736573616d652d6f70656e2d6c65616b73" }, "x.y, a: has the text of a secret" },
}

describe("what goes out", function()
  for _, case in ipairs(REFUSED) do
    it("must not have " .. case[1], function()
      local err = raised(leaks.check, case[2], border())
      assert.equal("refused", err.kind)
      assert.equal(case[3], err.message:sub(1, #case[3]))
      assert.is_nil(err.message:find(KEY, 1, true))
      assert.is_string(err.hint)
    end)
  end

  it(
    "may be anything else",
    function() leaks.check({ 1, true, "x", { a = value.unknown, b = 2.5 }, "‹other›" }, border()) end
  )

  it("may be a secret where the border says so", function()
    leaks.check({ headers = { authorization = key } }, border { secrets = { "^headers%." } })
    leaks.check({ deep = { er = key } }, border { secrets = true })
    assert.equal("refused", raised(leaks.check, { url = key }, border { secrets = { "^headers%." } }).kind)
  end)

  it("may have the text of a secret on its way to a store of secrets, but no label", function()
    leaks.check({ a = KEY }, border { stored = true })
    assert.equal("refused", raised(leaks.check, { a = tostring(key) }, border { stored = true }).kind)
  end)

  it("may have a text that the script knows anyway", function()
    leaks.check({ a = "= " .. KEY }, border { is_public = function(text) return text == KEY end })
  end)

  it(
    "may have the text of an unknown value in a plan",
    function() leaks.check({ a = tostring(value.unknown) }, border { plan = true }) end
  )

  it("ends the run if it has the text of a secret, because a script must not learn from it", function()
    assert.is_true(raised(leaks.check, KEY, border()).final)
    assert.is_nil(raised(leaks.check, tostring(key), border()).final)
  end)
end)

describe("what comes back", function()
  local function hidden(v) return leaks.hide(v, nil, "result") end

  it("becomes a secret if it is one", function()
    local row = hidden { { name = "x", licence = KEY } }
    assert.is_true(secret.is(row[1].licence))
    assert.is_true(secret.equal(row[1].licence, KEY))
    assert.equal("x", row[1].name)
  end)

  it("is masked if it has one, so that it cannot be written back either", function()
    local got = hidden { body = "key=" .. KEY .. "&a=1" }
    assert.equal("key=‹secret›&a=1", got.body)
    assert.equal("refused", raised(leaks.check, got, border()).kind)
  end)

  it("is as it was if it has none", function()
    local got = { a = 1, b = { "x", key } }
    assert.equal(got, hidden(got))
    assert.equal(key, got.b[2])
  end)

  it("becomes a secret if it is a number that is one", function()
    local pin = secret.new("9174620", "pin")
    assert.is_true(secret.is(hidden { pin = 9174620 }.pin))
    secret.wipe(pin)
  end)

  it("stays if the script gave it in clear", function()
    local echo = leaks.wrap(function(text) return { body = text } end, { what = "x.y", stored = 1 })
    assert.equal("it is " .. KEY, echo("it is " .. KEY).body)
    local other = leaks.wrap(function() return { body = "it is " .. KEY } end, border())
    assert.equal("it is ‹secret›", other("guess").body)
  end)

  it("is masked in errors", function()
    local fails = leaks.wrap(
      function() errors.raise { kind = "failed", message = "bad " .. KEY, hint = KEY, details = { "d " .. KEY } } end,
      border()
    )
    local err = raised(fails)
    assert.same({ "bad ‹secret›", "‹secret›", "d ‹secret›" }, { err.message, err.hint, err.details[1] })
  end)
end)

describe("a function at the border", function()
  it("names the argument", function()
    local fn = leaks.wrap(function() end, border())
    assert.equal("x.y, argument 2, a: a secret must not go there", raised(fn, 1, { a = key }).message)
  end)

  it("does not check the object of a method", function()
    local method = leaks.wrap(function(self, a) return self, a end, border(), 2)
    assert.same({ key, 1 }, { method(key, 1) })
    assert.equal("x.y, argument 1: a secret must not go there", raised(method, {}, key).message)
  end)

  it("passes nil", function()
    local count = leaks.wrap(function(...) return select("#", ...), nil, 3, nil end, border())
    assert.same({ n = 4, 2, nil, 3, nil }, table.pack(count(nil, nil)))
  end)
end)

-- A table of tables, as deep as that, around a value.
local function nested(depth, item)
  for _ = 1, depth do
    item = { item }
  end
  return item
end

-- name of the case, where the number or the text that is a secret stands
local PLACES <const> = {
  { "a text", "864213579", true },
  { "a number", 864213579, true },
  { "a key", { ["864213579"] = 1 }, true },
  { "a number as a key", { [864213579] = 1 }, true },
  { "a key far inside", nested(20, { ["864213579"] = {} }), true },
  { "an item far inside", nested(60, "a 864213579 b"), true },
  { "deeper than it is looked", nested(120, "a"), true },
  { "a list behind others", { 1, 2, 3, { 4, { 864213579 } } }, true },
  { "a text in base64", { "ODY0MjEzNTc5" }, true },
  { "another number", { 864213578 }, false },
  { "a short number", { 86421, [-8642] = 86421 }, false },
  { "a part of the number", { "86421", "3579" }, false },
  { "a boolean and nothing", { true, { false } }, false },
}

describe("a value", function()
  for _, case in ipairs(PLACES) do
    it(("is %s when the secret is %s"):format(case[3] and "suspicious" or "clean", case[1]), function()
      local pin = secret.new("864213579", "pin")
      assert.equal(case[3], secret.suspicious(case[2]))
      secret.wipe(pin)
      assert.equal(case[1]:find "deeper" ~= nil, secret.suspicious(case[2]))
    end)
  end

  it("is suspicious with a mark in any of its texts", function()
    for _, item in ipairs { "a <mark> b", { "x", { ["<mark>"] = 1 } }, { other = "<other>" } } do
      assert.is_true(secret.suspicious(item, "<mark>", "<other>"))
      assert.is_false(secret.suspicious(item, "<third>"))
    end
  end)

  it("may have a secret inside", function()
    for _, item in ipairs { key, { key }, { a = { b = { key } } }, nested(120, "a") } do
      assert.is_true(secret.inside(item))
    end
    for _, item in ipairs { "a", 1, true, {}, { "a", { b = {} } } } do
      assert.is_false(secret.inside(item))
    end
  end)
end)
