local captured = require "tests.support.captured"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
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
    assert.equal("o2x: Build: x.lua:3: two?lines\n     more\n     do\n", (stderr:gsub("two.lines", "two?lines")))
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
    out.columns({ { "ä", "1" }, { "\27[1mbc\27[0m", "2" }, { "", "3" } }, function(line) lines[#lines + 1] = line end)
    assert.same({ "ä   1", "\27[1mbc\27[0m  2", "    3" }, lines)
  end)

  it("leaves no spaces at the end of a line", function()
    local lines = {}
    out.columns({ { "a", "" }, { "b", "x" } }, function(line) lines[#lines + 1] = line end)
    assert.same({ "a", "b  x" }, lines)
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
    assert.equal("\27[31mx\27[0m", out.style(1).red "x")
    assert.equal("\27[32mx\27[0m", out.style(1).sign("+", "x"))
    assert.equal("x", out.style(1).sign("=", "x"))
  end)
end)

describe("out.printable", function()
  it("lets colours through and nothing else that moves a terminal", function()
    assert.equal("\27[31mred\27[0m", out.printable "\27[31mred\27[0m")
    assert.is_nil(out.printable("\27[2J\27]0;title\7\8\r"):find "[\27\7\8\r]")
    assert.equal("a b", out.printable "a\tb")
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
