local captured = require "tests.support.captured"
local json = require "o2x.base.json"
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

  it("adds a line of JSON to a log", function()
    local lines = {}
    local file = { write = function(_, ...) lines[#lines + 1] = table.concat { ... } end, flush = function() end }
    sink.log(file, { message = "open-sesame-open", level = "INFO" })
    assert.same({ '{"level":"INFO","message":"******"}\n' }, lines)
  end)
end)
