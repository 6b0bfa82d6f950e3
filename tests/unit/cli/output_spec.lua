local captured = require "tests.support.captured"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local output = require "o2x.cli.output"
local secret = require "o2x.base.secret"
local xml = require "o2x.base.xml"

local function run(given, fields)
  local this = { output = given, runbook = { name = "smoke" }, tenant_name = "acme", mode = "apply" }
  for name, value in pairs(fields or {}) do
    this[name] = value
  end
  return this
end

local CHECKS <const> = {
  { check = "the site answers", ok = true, found = "200", seconds = 0.5 },
  { check = "mail & more", ok = false, found = "no <answer>", seconds = 1 },
}

describe("a run's output", function()
  it("is a table on the terminal", function()
    local given =
      { columns = { "service", "up_to_date" }, rows = { { service = "sso", up_to_date = true }, { service = "x" } } }
    local text = captured(output.print, run(given), {})
    assert.equal("SERVICE  UP TO DATE\nsso      yes\nx        -\n", text)
  end)

  it("is its own text where it has one", function()
    assert.equal("all well\n", (captured(output.print, run { columns = {}, rows = {}, text = "all well" }, {})))
    assert.equal("", (captured(output.print, run { columns = {}, rows = {}, text = "" }, {})))
  end)

  it("is only given back for --json", function()
    local rows
    local text = captured(
      function() rows = output.print(run { columns = { "a" }, rows = { { a = 1 } } }, { json = true }) end
    )
    assert.equal("", text)
    assert.same({ { a = 1 } }, rows)
  end)

  it("can be the checks that the run made", function()
    local text = captured(output.print, run({ checks = true }, { checks = CHECKS }), {})
    assert.matches("CHECK +OK +FOUND\nthe site answers +yes +200\n", text)
  end)

  it("is none of a plan that has changes", function()
    local planned = run({ checks = true }, { mode = "plan", plan = { has_changes = function() return true end } })
    assert.is_nil(output.print(planned, {}))
    assert.is_nil(output.print(run(nil), {}))
  end)

  it("does not move the terminal", function()
    local text = captured(output.print, run { columns = { "a" }, rows = { { a = "x\27[2J\ny" } } }, {})
    assert.is_nil(text:find("\27", 1, true))
    assert.equal(2, select(2, text:gsub("\n", "")))
  end)
end)

describe("JUnit's format", function()
  it("is XML with a case for each check", function()
    local suite = xml.parse(output.junit("smoke.acme", CHECKS))
    assert.matches('tests="2" failures="1"', output.junit("smoke.acme", CHECKS))
    assert.equal(2, #suite:all "testcase")
  end)

  it("escapes what XML would read", function()
    local text = output.junit("smoke", CHECKS)
    assert.matches("mail &amp; more", text)
    assert.matches("no &lt;answer&gt;", text)
    assert.is_nil(output.junit("x", { { check = "a\1b", ok = true } }):find "\1")
  end)

  it("is written to the file that the runbook names, without secrets", function()
    local _ = secret.new("sesame-sesame-junit", "x")
    local place <close> = folder()
    local checks = { { check = "x", ok = false, found = "sesame-sesame-junit" } }
    captured(output.print, run({ checks = true, junit = place:at "junit.xml" }, { checks = checks }), {})
    local text = fs.read(place:at "junit.xml")
    assert.matches("smoke.acme", text)
    assert.is_nil(text:find("sesame-sesame-junit", 1, true))
  end)

  it("that cannot be written is bad input", function()
    local ok, err = pcall(output.print, run({ checks = true, junit = "/nosuch/junit.xml" }, { checks = {} }), {})
    assert.is_false(ok)
    assert.equal("input", err.kind)
  end)
end)
