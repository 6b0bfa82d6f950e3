local captured = require "tests.support.captured"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local printable = require "o2x.base.printable"
local secret = require "o2x.base.secret"

describe("out", function()
  after_each(function()
    out.quiet, out.verbose, out.colour = false, false, nil
  end)

  it("writes results to standard output and messages to standard error", function()
    local stdout, stderr = captured(function()
      out.data "result"
      out.say "message"
    end)
    assert.same({ "result\n", "message\n" }, { stdout, stderr })
  end)

  it("keeps messages to itself when it is quiet, results not", function()
    out.quiet = true
    local stdout, stderr = captured(function()
      out.data "result"
      out.say "message"
    end)
    assert.same({ "result\n", "" }, { stdout, stderr })
  end)

  it("never writes a secret", function()
    local _ = secret.new("sesame-sesame-out", "door")
    local stdout, stderr = captured(function()
      out.data "it is sesame-sesame-out"
      out.say "sesame-sesame-out"
      out.problem(errors.new { kind = "failed", message = "sesame-sesame-out", hint = "sesame-sesame-out" })
    end)
    assert.is_nil((stdout .. stderr):find("sesame-sesame-out", 1, true))
  end)

  it("writes an error on one line, with details and a hint", function()
    local err =
      errors.new { kind = "input", where = "x.lua:3", message = "two\nlines", details = { "more" }, hint = "do" }
    local _, stderr = captured(out.problem, err, "Build")
    assert.equal("o2x: Build: x.lua:3: two\\nlines\n     more\n     do\n", stderr)
  end)

  it("shows a traceback only when it is verbose", function()
    local err = errors.new { kind = "bug", message = "oops", traceback = "stack traceback: here" }
    local _, stderr = captured(out.problem, err)
    assert.is_nil(stderr:find "traceback")
    out.verbose = true
    _, stderr = captured(out.problem, err)
    assert.matches("traceback: here", stderr)
  end)

  it("aligns columns by characters, not by bytes or colours", function()
    local lines = {}
    out.columns(
      { { "ä", "1" }, { printable.colour("1", "bc"), "2" }, { "", "3" } },
      function(line) lines[#lines + 1] = printable.line(line) end
    )
    assert.same({ "ä   1", "\27[1mbc\27[0m  2", "    3" }, lines)
  end)

  it("leaves no spaces at the end of a line", function()
    local lines = {}
    out.columns({ { "a", "" }, { "b", "x" } }, function(line) lines[#lines + 1] = line end)
    assert.same({ "a", "b  x" }, lines)
  end)
end)

describe("every way out", function()
  after_each(function() out.colour = nil end)

  -- What a script, a file or a server may say.
  local HOSTILE = "a\27[2J\nb\u{202E}c\7"
  local SHOWN = "a\\x1b[2J\\nb\\u{202e}c\\a"

  for name, write in pairs {
    data = function(text) out.data(text) end,
    say = function(text) out.say(text) end,
    ["the message"] = function(text) out.problem(errors.new { kind = "failed", message = text }) end,
    ["the step"] = function(text) out.problem(errors.new { kind = "failed", message = "x" }, text) end,
    ["the hint"] = function(text) out.problem(errors.new { kind = "failed", message = "x", hint = text }) end,
    ["the details"] = function(text) out.problem(errors.new { kind = "failed", message = "x", details = { text } }) end,
    ["a column"] = function(text) out.columns({ { text, "x" }, { "y", text } }, out.data) end,
    ["a coloured line"] = function(text)
      out.colour = true
      out.data(out.style(1).red(text))
    end,
  } do
    it("shows and does not obey: " .. name, function()
      local stdout, stderr = captured(write, HOSTILE)
      assert.truthy((stdout .. stderr):find(SHOWN, 1, true), stdout .. stderr)
      assert.is_nil((stdout .. stderr):gsub("\27%[%d+m", ""):find "[\27\7]")
    end)
  end

  it("measures a column as it is shown", function()
    local lines = {}
    out.columns({ { "\n", "1" }, { "ab", "2" } }, function(line) lines[#lines + 1] = line end)
    assert.same({ "\\n  1", "ab  2" }, lines)
  end)

  it("prints valid JSON with the same values", function()
    local stdout = captured(out.json, { [HOSTILE] = HOSTILE })
    assert.is_nil(stdout:find "[\27\7\u{202E}]")
    assert.same({ [HOSTILE] = HOSTILE }, json.decode(stdout))
  end)
end)

describe("out.style", function()
  after_each(function() out.colour = nil end)

  it("is plain where colours are not wanted", function()
    out.colour = false
    assert.equal("x", out.style(1).red "x")
    assert.equal("x", out.style(1).sign("+", "x"))
  end)

  it("colours where they are", function()
    out.colour = true
    assert.equal("\27[31mx\27[0m", out.printable(out.style(1).red "x"))
    assert.equal("\27[32mx\27[0m", out.printable(out.style(1).sign("+", "x")))
    assert.equal("x", out.style(1).sign("=", "x"))
  end)
end)

describe("out.printable", function()
  it("shows what would move a terminal", function()
    assert.equal("\\x1b[31mred\\x1b[0m", out.printable "\27[31mred\27[0m")
    assert.is_nil(out.printable("\27[2J\27]0;title\7\8\r"):find "[\27\7\8\r]")
  end)

  it("leaves text in any language as it is", function() assert.equal("añb — ✓", out.printable "añb — ✓") end)
end)

describe("out.count", function()
  it("groups the digits", function()
    assert.equal("7", out.count(7))
    assert.equal("100", out.count(100))
    assert.equal("1,000", out.count(1000))
    assert.equal("1,234,567", out.count(1234567))
  end)
end)
