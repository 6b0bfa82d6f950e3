-- Ctrl-C is served within a second, whatever the program is doing: a script that loops, a task that waits, code of o2x
-- and C functions that take long. The bound is wider here than a second, for a slow machine.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local Toy = require "tests.support.toy"

local BOUND <const> = 5 -- seconds from the signal to the end
local INT <const>, TERM <const>, HUP <const> = 2, 15, 1

-- what, body of run; clean: the run is recorded as interrupted, otherwise the process may also be ended at once
local RUNS = {
  { "a loop", "while true do end", clean = true },
  { "a loop that catches errors", "while true do pcall(function() while true do end end) end", clean = true },
  { "a loop in an error handler", "while true do xpcall(error, function() while true do end end) end", clean = true },
  {
    "a loop while it closes",
    [[local t = setmetatable({}, { __close = function() while true do end end })
    do local x <close> = t end]],
    clean = true,
  },
  {
    "a loop in a comparison",
    "local t = {} for i = 1, 50 do t[i] = i end\n" .. "table.sort(t, function() while true do end end)",
    clean = true,
  },
  {
    "a loop in a metamethod",
    "local t = setmetatable({}, { __index = function() while true do end end })\n" .. "local x = t.y",
    clean = true,
  },
  { "a pattern that backtracks", [[("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(60) .. "b")]], clean = true },
  { "a replacement without end", [[("a"):rep(1e7):gsub("a.-b", "")]], clean = true },
  { "sorting", "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(500) .. i % 9 end table.sort(t)", clean = true },
  { "joining", "local t = {} for i = 1, 1e6 do t[i] = 'x' end while true do table.concat(t) end", clean = true },
  { "long strings", "while true do local s = ('x'):rep(6e7):reverse():upper() end" },
  { "memory that fills", "local t = {} while true do t[#t + 1] = {} end", clean = true },
  {
    "memory that fills, caught",
    "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end",
    clean = true,
  },
  { "recursion, caught", "local function f() return 1 + f() end while true do pcall(f) end", clean = true },
  { "a long sleep", "sleep(1000)", clean = true },
  { "sleeps", "while true do sleep(0.02) end", clean = true },
  { "short sleeps, caught", "while true do pcall(sleep, 0) end", clean = true },
  { "wait_until", "wait_until('it', 1000, function() end)", clean = true },
  { "wait_until that loops", "wait_until('it', 1000, function() while true do end end)", clean = true },
  { "timeout", "timeout(1000, function() while true do end end)", clean = true },
  { "parallel loops", "parallel { function() while true do end end, function() while true do end end }", clean = true },
  { "parallel waits", "parallel.each({ 1, 2, 3 }, function() sleep(1000) end)", clean = true },
  { "messages", "while true do log 'again' end", clean = true },
  { "steps", "local n = 0 while true do n = n + 1 step('s' .. n, type, n) end", clean = true },
  { "effects", "local n = 0 while true do n = n + 1 toy.ensure('e', n) end", clean = true },
  {
    "decoding JSON",
    [[local json = require "o2x.json"
    local text = "[" .. ("1,"):rep(3e7) .. "1]"
    while true do pcall(json.decode, text) end]],
  },
  {
    "decoding YAML",
    [[local yaml = require "o2x.yaml"
    local text = ("- [a, b]\n"):rep(1e6)
    while true do pcall(yaml.decode, text) end]],
  },
  {
    "bcrypt",
    [[local crypto, secret = require "o2x.crypto", require "o2x.secret"
    while true do pcall(crypto.bcrypt, "password", 14) end]],
    clean = true,
  },
  { "a task that does not stop", "toy.stubborn(3)", clean = true },
}

describe("Ctrl-C", function()
  local toy
  before_each(function() toy = Toy.new() end)
  after_each(function() fs.remove_tree(toy.dir) end)

  local function cpu(child)
    local fields = (fs.read_if(("/proc/%d/stat"):format(child:pid())) or ""):match("%) (.*)") or ""
    local user, system = fields:match(("%S+ "):rep(11) .. "(%S+) (%S+)")
    return (tonumber(user) or 0) + (tonumber(system) or 0) -- hundredths of a second
  end

  -- Sends the signal, and gives the exit code and how long the end took.
  local function interrupt(child, signal)
    local start = task.now()
    child:kill(signal)
    local code, died = proc.wait(child, 60)
    local seconds = task.now() - start
    if os.getenv "O2X_TEST_TIMES" then io.stderr:write(("%.2f s\n"):format(seconds)) end
    return code, seconds, died
  end

  for _, case in ipairs(RUNS) do
    it("ends a run within a second: " .. case[1], function()
      toy:write("o2x.yaml", "limits: { steps: 1000000, effects: 1000000, log_lines: 100000000, sleeps: 100000000 }\n")
      toy:runbook("busy", "toy.ensure('ready', 1)\nstep('Outer', function()\n" .. case[2] .. "\nend)")
      local child <close> = toy:start({ "run", "busy", "alpha", "--quiet" }, { O2X_CPU_LIMIT = "600,600" })
      eventually("the first effect", function() return toy:holds().ready end)
      local before = cpu(child)
      local asleep = task.now() + 0.5 -- a case that only waits uses no CPU time
      eventually("work", function() return cpu(child) > before + 20 or task.now() > asleep end)
      local code, seconds, died = interrupt(child, INT)
      assert.equal(130, code, tostring(died))
      assert.is_true(seconds < BOUND, ("%.1f s"):format(seconds))
      local status = toy:json({ "runs", "--json" })[1].status
      assert.truthy(status == "interrupted" or not case.clean and status == "crashed", status)
    end)
  end

  for name, signal in pairs { TERM = TERM, HUP = HUP } do
    it("has a sister, SIG" .. name, function()
      toy:runbook("busy", "toy.ensure('ready', 1) while true do end")
      local child <close> = toy:start({ "run", "busy", "alpha" }, { O2X_CPU_LIMIT = "600,600" })
      eventually("the first effect", function() return toy:holds().ready end)
      assert.equal(130, (interrupt(child, signal)))
      assert.equal("interrupted", toy:json({ "runs", "--json" })[1].status)
    end)
  end

  it("ends at once the second time", function()
    toy:runbook("busy", "toy.ensure('ready', 1) toy.stubborn(300)")
    local child <close> = toy:start { "run", "busy", "alpha" }
    eventually("what does not stop", function() return fs.exists(toy.system .. "/.stubborn") end)
    child:kill(INT)
    assert.is_nil((proc.wait(child, 1)))
    local code, seconds = interrupt(child, INT)
    assert.equal(130, code)
    assert.is_true(seconds < BOUND)
  end)

  -- Commands that load a runbook which never finishes loading, or a tenant that does not.
  local LOADING = {
    { "plan", "busy", "alpha" },
    { "run", "busy", "alpha" },
    { "list" },
    { "list", "--tenants" },
    { "info", "busy" },
    { "check" },
  }
  for _, words in ipairs(LOADING) do
    it("ends o2x " .. words[1] .. " while it loads files", function()
      local hostile = words[2] == "--tenants" and "stdlib/platform.lua" or "runbooks/busy.lua"
      toy:write(hostile, "while true do end\n")
      local child <close> = toy:start(words, { O2X_CPU_LIMIT = "600,600" })
      eventually("work", function() return cpu(child) > 30 or child:status() end, 10)
      local code, seconds, died = interrupt(child, INT)
      assert.truthy(code == 130 or died == INT or words[1] == "check", tostring(code))
      assert.is_true(seconds < BOUND, ("%.1f s"):format(seconds))
    end)
  end
end)
