-- Loops that waited, made steps, tasks or messages without end went on until somebody killed them. Each ends at a
-- limit, with one line that names the line of the script and the step.

local Toy = require "tests.support.toy"

-- what, body, message, limits
local LOOPS = {
  { "sleep(0)", "while true do sleep(0) end", "more than 10,000 sleeps shorter than 10 ms" },
  {
    "wait_until with no end",
    "wait_until('it', math.huge, function() end)",
    "seconds must be a number from 0 to 43200",
  },
  { "wait_until, not a number", "wait_until('it', 0/0, function() end)", "seconds must be a number from 0 to 43200" },
  { "sleep with no end", "sleep(math.huge)", "sleep: seconds must be a number from 0 to 43200, got inf" },
  { "timeout with no end", "timeout(math.huge, sleep, 1)", "timeout: seconds must be a number" },
  { "steps", "local n = 0 while true do n = n + 1 step('s' .. n, type, 1) end", "more than 20 steps", "steps: 20" },
  { "checks", "while true do check('c', type, 1) end", "more than 20 steps and checks", "steps: 20" },
  { "messages", "while true do log 'x' end", "more than 20 messages logged", "log_lines: 20" },
  { "bytes of messages", "while true do log(('x'):rep(100000)) end", "more than 1 MiB logged", "log: 1" },
  { "parallel that doubles", "local function f() parallel { f, f } end f()", "more than 1,000 tasks at a time" },
  { "parallel that nests", "local function f() parallel { f } end f()", "parallel inside parallel, more than 10 deep" },
  { "wide parallel", "local t = {} for i = 1, 2000 do t[i] = f end parallel(t)", "more than 1,000 tasks at a time" },
  {
    "a long list",
    "local t = {} for i = 1, 30 do t[i] = i end parallel.each(t, type)",
    "parallel.each: more than 20 items",
    "rows: 20",
  },
  { "effects", "for i = 1, 100 do toy.ensure('a', i) end", "more than 20 effects in one run", "effects: 20" },
  { "the journal", "for i = 1, 100 do toy.ensure('a', ('x'):rep(1e5) .. i) end", "more than 1 MiB", "journal: 1" },
  { "recursion", "local function r() return 1 + r() end r()", "stack overflow" },
  { "memory", "local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end", "not enough memory", "memory: 64" },
  { "a list", "local t = {} for i = 1, 1e9 do t[i] = i end", "not enough memory", "memory: 64" },
  {
    "memory again and again",
    "local t = {} while true do pcall(string.rep, 'x', 6e7) t[#t + 1] = ('x'):rep(1e6) .. #t end",
    "not enough memory",
    "memory: 64",
  },
  { "time", "while true do sleep(0.05) end", "the run took longer than 1 s", "run: 1" },
  {
    "time of tasks",
    "parallel.each({ 1, 1, 1 }, function() while true do sleep(0.05) end end)",
    "the run took longer than 1 s",
    "run: 1",
  },
  {
    "rows",
    "local t = {} for i = 1, 30 do t[i] = { a = i } end output { columns = { 'a' }, rows = t }",
    "output: more than 20 rows",
    "rows: 20",
  },
} -- stylua: ignore

describe("a loop of a script ends:", function()
  for _, case in ipairs(LOOPS) do
    it(case[1], function()
      local toy <close> = Toy.new()
      if case[4] then toy:write("o2x.yaml", "limits: {" .. case[4] .. "}\n") end
      toy:runbook("loop", "local f = function() sleep(1) end\nstep('Outer', function()\n" .. case[2] .. "\nend)")
      local result = toy:o2x({ "run", "loop", "alpha" }, nil, { timeout = 120 })
      local last = result.stderr:match("o2x: (Outer[^\n]*)") or result.stderr
      assert.equal(1, result.code, last)
      assert.truthy(last:find("runbooks/loop.lua:7: ", 1, true), last)
      assert.truthy(last:find(case[3], 1, true), last)
      local wrote = result.stderr:find("[1-9]%d* created") ~= nil -- what wrote nothing is started again
      local command = wrote and "next: o2x resume R-" or "next: o2x run loop alpha"
      assert.truthy(result.stderr:find(command, 1, true), result.stderr)
      assert.falsy(result.stderr:find("traceback"), result.stderr)
    end)
  end
end)
