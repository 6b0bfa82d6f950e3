local captured = require "tests.support.captured"
local entry = require "o2x.cli.entry"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local sink = require "o2x.base.sink"

-- -> exit code, what went to standard error
local function run(main, ...)
  local code
  local words = { ... }
  local _, text = captured(function() code = entry.run(main, words) end)
  return code, text
end

describe("a program's entry", function()
  after_each(function() entry.set_output {} end)

  it("ends with what the main function gives, or 0", function()
    assert.equal(2, (run(function() return 2 end)))
    assert.equal(0, (run(function() end)))
  end)

  it("hands the words on", function()
    local seen
    run(function(words) seen = words end, "a", "b")
    assert.same({ "a", "b" }, seen)
  end)

  it("makes of an error a line and its exit code", function()
    local code, text = run(function() errors.input("bad", "do that", "x.lua:3") end)
    assert.equal(3, code)
    assert.equal("o2x: x.lua:3: bad\n     do that\n", text)
  end)

  it("says which output is missing, and keeps the code of an error", function()
    local real <const> = sink.lost
    finally(function() sink.lost = real end)
    sink.lost = function() return { ["standard output"] = "it is closed" } end
    for usual, expected in pairs { [0] = 74, [2] = 74, [1] = 1, [130] = 130 } do
      local code, text = run(function() return usual end)
      assert.equal(expected, code)
      assert.equal("o2x: standard output is incomplete: it is closed\n", text)
    end
    assert.equal(3, (run(function() errors.input "bad" end)))
  end)

  it("says where to look for a bug, without its traceback", function()
    local code, text = run(function() error "oops" end)
    assert.equal(1, code)
    assert.matches("oops", text)
    assert.matches("%-%-verbose", text)
    assert.is_nil(text:find("traceback", 1, true))
  end)

  it("shows the traceback when asked to", function()
    entry.set_output { verbose = true }
    local _, text = run(function() error "oops" end)
    assert.matches("stack traceback", text)
  end)
end)

describe("the options of every command", function()
  after_each(function() entry.set_output {} end)

  it("set how much is written", function()
    entry.set_output { quiet = true }
    assert.is_true(out.quiet)
    assert.is_false(out.verbose)
    entry.set_output { verbose = true }
    assert.is_false(out.quiet)
    assert.is_true(out.verbose)
  end)
end)
