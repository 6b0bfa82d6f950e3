-- What scripts say went to the terminal as it was: colours, line breaks that looked like lines of o2x, marks that turn
-- the direction of a text.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local toys = require "tests.support.toy"

local LUA = [["a\27[31mb\nDONE\u{202E}c\u{9B}d\u{200B}e\7"]]
local SHOWN = [[a\x1b[31mb\nDONE\u{202e}c\u{009b}d\u{200b}e\a]]

-- No byte that a terminal obeys, no second line from the text, no hidden character.
local function assert_harmless(text)
  assert.is_nil(text:find "[%z\1-\9\11-\31\127]", text)
  assert.is_nil(text:find("\nDONE", 1, true), text)
  for _, hidden in ipairs { "\u{202E}", "\u{9B}", "\u{200B}" } do
    assert.is_nil(text:find(hidden, 1, true), text)
  end
end

describe("a hostile text", function()
  local toy
  setup(function() toy = toys.new() end)
  teardown(function() toy:__close() end)

  local function attempt(body, fields, words)
    toy:reset()
    toy:runbook("hostile", "local text = " .. LUA .. "\n" .. body, fields)
    return toy:o2x(words or { "run", "hostile", "alpha" })
  end

  for what, body in pairs {
    log = "log(text)",
    ["log fields"] = "log('x', { [text] = text }) log(text)",
    fail = "fail(text)",
    ["a hint"] = "fail('x', text)",
    invalid = "invalid(text, text, text)",
    error = "error(text)",
    ["a table of output"] = "output { columns = { 'a', text }, rows = { { a = text, [text] = 1 } } }",
    ["the text of output"] = "output { columns = {}, rows = {}, text = (text:gsub('\\n', '')) } log(text)",
    ["a check"] = 'check("c", function() return text end)',
    ["a check that fails"] = 'check("c", function() return false, text end)',
    ["a wait"] = "wait_until(text, 0.2, function() return false, text end)",
    ["a name of a target"] = "toy.ensure(text, 1) log(text)",
  } do
    it("is shown and not obeyed: " .. what, function()
      local result = attempt(body)
      assert_harmless(result.stdout .. result.stderr)
      if what ~= "a name of a target" then
        local shown = (result.stdout .. result.stderr):find(SHOWN:sub(1, 11), 1, true)
        assert.truthy(shown, result.stdout .. result.stderr)
      end
      assert_harmless(toy:o2x({ "show" }).stdout)
      assert_harmless(toy:o2x({ "runs" }).stdout)
    end)
  end

  local COMMANDS = { { "list" }, { "info", "hostile" }, { "check", "hostile" }, { "plan", "hostile", "alpha" } }
  for _, words in ipairs(COMMANDS) do
    it("is shown and not obeyed by o2x " .. words[1], function()
      local fields = ('help = %s, params = { p = { "string", optional = true, help = %s } },'):format(
        LUA:gsub("\\n", ""),
        LUA
      )
      toy:reset()
      toy:runbook("hostile", "log(" .. LUA .. ")", fields)
      local path = toy.project .. "/runbooks/hostile.lua"
      fs.write(path, (fs.read(path):gsub('summary = "A test"', function() return "summary = " .. LUA end)))
      local result = toy:o2x(words)
      assert_harmless(result.stdout .. result.stderr)
    end)
  end

  it("is in JSON as it is", function()
    toy:runbook("hostile", ("output { columns = { 'a' }, rows = { { a = %s } } }"):format(LUA))
    local result = toy:o2x { "run", "hostile", "alpha", "--json" }
    assert_harmless(result.stdout)
    assert.equal("a\27[31mb\nDONE\u{202E}c\u{9B}d\u{200B}e\7", json.decode(result.stdout).result[1].a)
  end)
end)
