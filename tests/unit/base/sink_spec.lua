local captured = require "tests.support.captured"
local json = require "o2x.base.json"
local output = require "o2x.core.output"
local secret = require "o2x.base.secret"
local sink = require "o2x.base.sink"

describe("the sink", function()
  local live
  setup(function() live = secret.new("open-sesame-open", "cave/word") end)
  teardown(function() secret.wipe(live) end)

  it("writes a line without secrets, and without what a terminal obeys", function()
    local out, err = captured(function()
      sink.line("stdout", "it is open-sesame-open\27[2J\nnow")
      sink.line("stderr", "6f70656e2d736573616d652d6f70656e")
    end)
    assert.equal("it is ******\\x1b[2J\\nnow\n", out)
    assert.equal("******\n", err)
  end)

  it("keeps the line breaks of a text that has its own", function()
    local out = captured(function() sink.lines("stdout", "a\nopen-sesame-open\r\nb") end)
    assert.equal("a\n******\\r\nb\n", out)
  end)

  it("writes JSON that is JSON, whatever the secrets are", function()
    local odd = secret.new('",\n  "b": "', "odd")
    local out = captured(
      function() sink.json("stdout", { a = "x", b = "open-sesame-open", ["open-sesame-open"] = 1 }) end
    )
    secret.wipe(odd)
    assert.same({ a = "x", b = "******", ["******"] = 1 }, json.decode(out))
  end)

  describe("where nothing can be written", function()
    local own, written
    local real <const> = output.write
    before_each(function()
      package.loaded["o2x.base.sink"], written = nil, 0
      own = require "o2x.base.sink" -- a sink of its own, because what is lost belongs to the process
      package.loaded["o2x.base.sink"] = sink
      output.write = function()
        written = written + 1
        return nil, "standard output: No space left on device", "ENOSPC"
      end
    end)

    after_each(function() output.write = real end)

    it("says why, once, and does not go on behind the gap", function()
      own.line("stdout", "a")
      own.lines("stdout", "b")
      own.json("stdout", {})
      assert.same({ ["standard output"] = "No space left on device" }, own.lost())
      assert.equal(1, written)
    end)

    it("says it of the log, too", function()
      for _, file in ipairs {
        { write = function() return nil, "full" end },
        { write = function() return true end, flush = function() return nil, "full" end },
      } do
        own.log(file, {})
        assert.same({ ["the log of the run"] = "full" }, own.lost())
      end
    end)
  end)

  it("adds a line of JSON to a log", function()
    local lines = {}
    local file = {
      write = function(_, ...)
        lines[#lines + 1] = table.concat { ... }
        return true
      end,
      flush = function() return true end,
    }
    sink.log(file, { message = "open-sesame-open", level = "INFO" })
    assert.same({ '{"level":"INFO","message":"******"}\n' }, lines)
  end)
end)
