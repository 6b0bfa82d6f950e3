-- What a resumed run remembers of its journal; what it makes of that is in resume_spec.

local history = require "o2x.engine.history"
local memory = require "o2x.engine.memory"

local function intent(effect, slot, key)
  return { t = "intent", effect = effect, slot = slot, kind = "k", key = key, path = "s" }
end

local function result(effect) return { t = "result", effect = effect, path = "s", outcome = "changed" } end

local function remember(records, take_over)
  table.insert(records, 1, { t = "begin", runbook = {}, params = {} })
  return memory.new(history.of(records), take_over)
end

local function ids(entries)
  local list = {}
  for i, entry in ipairs(entries) do
    list[i] = entry.id
  end
  return list
end

describe("the memory of a resumed run", function()
  it("gives what a finished step gave, and nothing for one that has to run", function()
    local past = remember { { t = "done", path = "s", result = { n = 1 } } }
    assert.same({ result = { n = 1 } }, past:step "s")
    assert.is_nil(past:step "other")
  end)

  it("gives the bytes of a result that are no text", function()
    local past = remember { { t = "done", path = "s", result = { bytes = { ["$bytes"] = "/wA=" } } } }
    assert.equal("\xFF\0", past:step("s").result.bytes)
  end)

  it(
    "has no result that was masked",
    function() assert.is_nil(remember({ { t = "done", path = "s", result = "******", masked = true } }):step "s") end
  )

  it(
    "gives a recorded value",
    function() assert.same({ value = 7 }, remember({ { t = "value", key = "k #1", value = 7 } }):value "k #1") end
  )

  it("knows the effects at a place of the script, in order", function()
    local past = remember { intent("aaaaaa1", "x", "1"), result "aaaaaa1", intent("bbbbbb2", "x", "1") }
    assert.same({ "aaaaaa1", "bbbbbb2" }, ids(past:effects "x"))
    assert.same({}, past:effects "y")
  end)

  it("knows what is unfinished at a target, until the script comes by it", function()
    local past = remember { intent("aaaaaa1", "x", "1"), result "aaaaaa1", intent("bbbbbb2", "y", "1") }
    assert.same({ "bbbbbb2" }, ids(past:unfinished("k", "1")))
    past:effects "y"
    assert.same({}, past:unfinished("k", "1"))
  end)

  it("knows what came later at the same target", function()
    local past = remember { intent("aaaaaa1", "x", "1"), intent("bbbbbb2", "y", "1"), intent("cccccc3", "z", "2") }
    assert.same({ "bbbbbb2" }, ids(past:later(past:effects("x")[1])))
  end)
end)

describe("--take-over", function()
  local entry = { id = "0123456789abcdef", key = "coredb t where id = 1" }

  it("names an effect by its id, a beginning of it, or its key", function()
    for _, word in ipairs { entry.id, "012345", entry.key } do
      assert.is_true(remember({}, { word }):takes_over(entry), word)
    end
  end)

  it("names no effect by too little of its id, or by another's", function()
    for _, word in ipairs { "01234", "", "fedcba9876", "coredb" } do
      assert.is_false(remember({}, { word }):takes_over(entry), word)
    end
  end)

  it("is refused where it names nothing", function()
    local runs = { history.of { { t = "begin", runbook = {}, params = {} }, intent("aaaaaa1", "x", "1") } }
    memory.check_take_over("R-1", runs, { "aaaaaa" })
    local ok, err = pcall(memory.check_take_over, "R-1", runs, { "bbbbbb" })
    assert.is_false(ok)
    assert.equal("input", err.kind)
  end)
end)
