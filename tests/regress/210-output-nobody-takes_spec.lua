-- With a full disk or a closed descriptor behind them, list and show ended with 0 and nothing written. With all three
-- descriptors closed, a run did its work and was aborted by a library that closed descriptor 2.

local toys = require "tests.support.toy"

describe("output that nobody takes", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("is an exit code and a line", function()
    local result = toy:shell({ "list" }, "> /dev/full")
    assert.equal(74, result.code)
    assert.equal("o2x: standard output is incomplete: No space left on device\n", result.stderr)
  end)

  it("does not undo what was done", function()
    local result = toy:shell({ "run", "build", "alpha" }, "<&- >&- 2>&-")
    assert.same({ 74, nil }, { result.code, result.signal })
    assert.equal("done", toy:json({ "runs", "--json" })[1].status)
    assert.equal(7, #toy:writes())
  end)

  it("lands in no file that is opened later", function()
    toy:shell({ "run", "build", "alpha" }, "<&- >&- 2>&-")
    assert.equal("done", toy:json({ "show", "--json" }).status) -- its journal holds nothing but records
  end)
end)
