local defer = require "o2x.base.defer"

describe("defer", function()
  it("calls the function at the end of the block", function()
    local calls = {}
    do
      local _done <close> = defer(function() calls[#calls + 1] = "deferred" end)
      calls[#calls + 1] = "block"
    end
    assert.same({ "block", "deferred" }, calls)
  end)

  it("hands over the error that ends the block, which stays the error", function()
    local seen
    local ok, err = pcall(function()
      local _done <close> = defer(function(problem) seen = problem end)
      error("broken", 0)
    end)
    assert.is_false(ok)
    assert.equal("broken", err)
    assert.equal("broken", seen)
  end)

  it("gives no error when the block ends well", function()
    local seen = "not called"
    do
      local _done <close> = defer(function(problem) seen = problem end)
    end
    assert.is_nil(seen)
  end)

  it("runs the last one first", function()
    local calls = {}
    do
      local _first <close> = defer(function() calls[#calls + 1] = 1 end)
      local _second <close> = defer(function() calls[#calls + 1] = 2 end)
    end
    assert.same({ 2, 1 }, calls)
  end)
end)
