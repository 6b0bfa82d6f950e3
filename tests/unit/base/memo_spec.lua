local errors = require "o2x.base.error"
local memo = require "o2x.base.memo"
local task = require "o2x.base.task"

-- A question that counts how often it is asked, and answers when it is told to.
local function question()
  local q = { asked = 0, go = task.event() }
  function q.ask()
    q.asked = q.asked + 1
    task.wait(q.go, math.huge)
    if q.error then error(q.error, 0) end
    return "answer", q.asked
  end
  return q
end

describe("a memo", function()
  it("asks once for all who ask meanwhile", function()
    local m, q = memo.new(0), question()
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = task.spawn(m.get, m, "k", q.ask)
    end
    task.sleep(0)
    q.go:set()
    for i = 1, 3 do
      assert.same({ "answer", 1 }, { tasks[i]:join() })
    end
    m:get("k", q.ask)
    assert.equal(2, q.asked) -- an answer that counts for 0 seconds
  end)

  it("keeps an answer for its time, until it is told to forget", function()
    local m, q = memo.new(math.huge), question()
    q.go:set()
    m:get("k", q.ask)
    m:get("k", q.ask)
    m:get("other", q.ask)
    assert.equal(2, q.asked)
    m:forget()
    m:get("k", q.ask)
    assert.equal(3, q.asked)
  end)

  it("does not keep what was asked before it was told to forget", function()
    local m, q = memo.new(math.huge), question()
    local early = task.spawn(m.get, m, "k", q.ask)
    task.sleep(0)
    m:forget()
    q.go:set()
    early:join()
    m:get("k", q.ask)
    assert.equal(2, q.asked)
  end)

  it("gives an error to all who wait, and keeps none", function()
    local m, q = memo.new(math.huge), question()
    q.error = errors.new { kind = "failed", message = "no" }
    local one, two = task.spawn(m.get, m, "k", q.ask), task.spawn(m.get, m, "k", q.ask)
    task.sleep(0)
    q.go:set()
    assert.equal(q.error, select(2, pcall(one.join, one)))
    assert.equal(q.error, select(2, pcall(two.join, two)))
    assert.equal(1, q.asked)
    q.error = nil
    assert.equal("answer", (m:get("k", q.ask)))
  end)

  it("goes on with the next task when the one that asks is cancelled", function()
    local m, q = memo.new(math.huge), question()
    local one, two = task.spawn(m.get, m, "k", q.ask), task.spawn(m.get, m, "k", q.ask)
    task.sleep(0)
    one:cancel()
    pcall(one.join, one)
    q.go:set()
    assert.equal("answer", (two:join()))
    assert.equal(2, q.asked)
  end)
end)
