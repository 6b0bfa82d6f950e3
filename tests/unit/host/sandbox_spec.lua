-- The watch over scripts that burn CPU: whose time counts, and that nothing of a script's own gets around it.

local core = require "o2x.core.sandbox"
local scripts = require "tests.support.scripts"
local task = require "o2x.base.task"

local SOFT, HARD = 0.2, 60 -- seconds; HARD would end the tests

-- A spec is no script: what it burns is o2x's own time.
local function burn(seconds)
  local start = os.clock()
  while os.clock() - start < seconds do
  end
end

--- Runs a function that the text gives, under small limits.
local function run(text, ...)
  local loaded, fn = scripts.run(text)
  assert(loaded, tostring(fn))
  core.watch(SOFT, HARD, "")
  return pcall(fn, ...)
end

local function stopped(text, ...)
  local ok, message = run(text, ...)
  assert.is_false(ok)
  assert.truthy(tostring(message):find("script.lua:%d+: the script ran for 0.2 s without waiting"), message)
end

describe("the watch over scripts", function()
  before_each(function() task.sleep(0) end) -- a wait starts the count again

  after_each(function() core.watch(5, 15, "") end)

  it("stops a loop", function() stopped "return function() while true do end end" end)

  it(
    "stops a loop that catches errors",
    function() stopped "return function() while true do pcall(function() while true do end end) end end" end
  )

  it("counts the library as the script's", function()
    stopped [[return function() while true do for _ in pairs { 1, 2, 3 } do end end end]]
    task.sleep(0)
    stopped [[return function()
      local pattern = ("a?"):rep(16) .. ("a"):rep(16) .. "b"
      while true do local _ = ("a"):rep(16):find(pattern) end
    end]]
  end)

  it("does not count what o2x does for the script", function()
    local ok, result = run("return function(burn) for _ = 1, 6 do burn(0.1) end return 'done' end", burn)
    assert.same({ true, "done" }, { ok, result })
  end)

  it("counts a script's function that o2x calls", function()
    stopped(
      "return function(call) call(function() while true do end end) end",
      function(fn) -- not a tail call: this frame stays
        fn()
        return nil
      end
    )
  end)

  it("adds up what a script burns between calls of o2x", function()
    stopped(
      "return function(now, call) while true do local t = now() while now() - t < 0.02 do end call() end end",
      os.clock,
      function() burn(0.02) end
    )
  end)

  it("starts again when the script has waited", function()
    local ok, message = run(
      [[return function(now, wait)
        for _ = 1, 4 do
          local start = now()
          while now() - start < 0.1 do end
          wait()
        end
      end]],
      os.clock,
      function() task.sleep(0.001) end
    )
    assert.is_true(ok, message)
  end)
end)
