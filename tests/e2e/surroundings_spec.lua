-- What a program gets from the one that starts it, and from the machine: variables, limits, signals, folders, paths,
-- terminals, clocks. A run does its work there, or says in one line what is wrong.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local RUN <const> = { "run", "build", "alpha" }

-- What tests/support/toy/runbooks/build.lua makes.
local EVERYTHING <const> = {
  ["number-1"] = { owner = "alpha", number = 1 },
  house = { owner = "alpha" },
  roof = { colour = "red" },
  ["room-1"] = { name = "1", chairs = 4 },
  ["room-2"] = { name = "2", chairs = 4 },
  ["room-3"] = { name = "3", chairs = 4 },
  sign = { text = "Alpha Ltd at 1" },
}

-- Did it do all of it, or one line and nothing of it? Then the line has these words.
local function check(toy, result, says)
  assert.is_nil(result.signal, "ended by a signal")
  if not says then
    assert.equal(0, result.code, result.stderr)
    assert.same(EVERYTHING, toy:holds())
    assert.equal("done", toy:json({ "runs", "--json" })[1].status)
    return
  end
  assert.is_true(result.code == 1 or result.code == 3, result.stderr)
  assert.truthy(result.stderr:find(says, 1, true), result.stderr)
  assert.is_nil(result.stderr:find("traceback", 1, true))
  assert.is_nil(result.stderr:find("bug in o2x", 1, true))
  assert.same({}, toy:holds())
end

local function with_toy(fn)
  return function()
    local toy <close> = toys.new()
    fn(toy)
  end
end

describe("variables", function()
  for _, row in ipairs {
    { "TMPDIR", "/nonexistent", "", "relative" },
    { "HOME", "", "relative", "/nonexistent", "/dev/null" },
    { "XDG_CONFIG_HOME", "", "relative", "/nonexistent" },
    { "XDG_CACHE_HOME", "", "relative", "/nonexistent" },
    { "XDG_STATE_HOME", "", "relative" },
    { "XDG_RUNTIME_DIR", "", "relative" },
    { "TERM", "", "dumb", "unknown", "nonsense", "xterm" },
    { "COLUMNS", "", "0", "1", "-1", "100000000000", "x" },
    { "LINES", "0", "x" },
    { "LC_ALL", "C", "POSIX", "de_DE.ISO-8859-1", "tr_TR.UTF-8", "nonsense" },
    { "TZ", "", "Europe/Berlin", ":/nonexistent", "nonsense" },
    { "PATH", "", "/nonexistent" },
    { "CLICOLOR_FORCE", "1" },
    { "LUA_PATH", "/nonexistent" },
    { "LUA_INIT", "error('no')" },
  } do
    it(("%s may be anything: %s"):format(row[1], table.concat(row, " | ", 2)), function()
      for i = 2, #row do
        local toy <close> = toys.new()
        check(toy, toy:o2x(RUN, { [row[1]] = row[i] }))
      end
    end)
  end

  for _, names in ipairs { "HOME", "PATH", "TERM LANG", "HOME PATH TERM LANG TMPDIR USER LOGNAME" } do
    it(
      ("%s may be unset"):format(names),
      with_toy(function(toy) check(toy, toy:shell(RUN, "", "unset " .. names .. ";")) end)
    )
  end
end)

describe("limits and signals", function()
  for before, says in pairs {
    ["umask 077"] = false,
    ["umask 000"] = false,
    ["umask 777"] = false,
    ["ulimit -n 16"] = false,
    ["ulimit -Sn 5"] = false,
    ["ulimit -n 8"] = "too few files may be open: ulimit -n 256",
    ["ulimit -f 0"] = "File too large",
    ["ulimit -u 1"] = false,
    ["ulimit -l 0"] = false,
    ["ulimit -c 0"] = false,
    ["trap '' CHLD"] = false,
    ["trap '' PIPE"] = false,
    ["trap '' TERM INT HUP QUIT"] = false,
    ["trap '' ALRM"] = false,
    ['set -- nohup "$@"'] = false,
    ["exec <&-"] = false,
    ["set -- perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(1..31)); exec @ARGV' \"$@\""] = false,
    [build.sanitized and "true" or "ulimit -s 128; ulimit -v 100000"] = false, -- the sanitizers need more
  } do
    it("from the parent: " .. before, with_toy(function(toy) check(toy, toy:shell(RUN, "", before .. ";"), says) end))
  end

  it(
    "that leave no memory for a library are said",
    with_toy(function(toy)
      if build.sanitized then return end
      check(toy, toy:shell(RUN, "", "ulimit -v 10000;"), "libcrypto cannot be loaded")
    end)
  )

  it("stop a run however they were before, but for the hangup that nohup ignores", function()
    for before, signal in pairs {
      ["trap '' INT"] = 2,
      ["trap '' TERM"] = 15,
      ["trap '' HUP"] = 1,
      [ [[set -- perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(15)); exec @ARGV' "$@"]] ] = 15,
    } do
      local toy <close> = toys.new()
      local goes_on = signal == 1
      toy:runbook("slow", ([[ toy.ensure("one", 1) toy.wait(%d) toy.ensure("two", 2) ]]):format(goes_on and 1 or 300))
      local child <close> = toy:start_shell({ "run", "slow", "alpha" }, before .. ";")
      eventually("the first effect", function() return toy:holds().one end)
      child:kill(signal)
      assert.equal(goes_on and 0 or 130, (proc.wait(child, 60)), before)
      assert.same({ one = 1, two = goes_on and 2 or nil }, toy:holds())
    end
  end)
end)

describe("the project's path", function()
  for _, name in ipairs {
    "a blank",
    "ümlaut",
    "it's",
    'quo"te',
    "100%d%s",
    ".dot",
    "-dash",
    "back\\slash",
    "$(id)",
    "a;b&c",
    "*",
    "~",
    "a:b,c=d",
    ("x"):rep(200),
  } do
    it("may have it: " .. name, function()
      local toy <close> = toys.new()
      assert(os.rename(toy.project, toy.dir .. "/" .. name))
      toy.project = toy.dir .. "/" .. name
      toy.env.O2X_PLATFORM, toy.env.O2X_STATE = "platform", ""
      check(toy, toy:o2x(RUN))
      toy:fault("one", "failed")
      toy:runbook("two", [[ toy.ensure("one", 1) ]])
      local failed = toy:o2x { "run", "./runbooks/two.lua", "alpha" }
      assert.equal(1, failed.code)
      ok(toy:shell({}, "", 'set -- "$1" "$2" ' .. failed.stderr:match "next: o2x ([^\n]+)" .. ";"))
      ok(toy:o2x { "show" })
      ok(toy:o2x { "config", "explain" })
    end)
  end

  for name, says in pairs {
    ["new\nline"] = "without control characters",
    ["\xff\xfe"] = "the name of the project's folder is not UTF-8",
  } do
    it(("may not: %q"):format(name), function()
      local toy <close> = toys.new()
      assert(os.rename(toy.project, toy.dir .. "/" .. name))
      toy.project = toy.dir .. "/" .. name
      toy.env.O2X_PLATFORM = toy.project .. "/platform"
      check(toy, toy:o2x(RUN), says)
    end)
  end

  it(
    "may lead through a link",
    with_toy(function(toy)
      ok(proc.run { argv = { "ln", "-s", "project", toy.dir .. "/link" } })
      toy.project = toy.dir .. "/link"
      check(toy, toy:o2x(RUN))
    end)
  )

  it(
    "may be gone",
    with_toy(function(toy)
      local gone = "mkdir $HOME/gone; cd $HOME/gone; rmdir $HOME/gone;"
      check(toy, toy:shell(RUN, "", gone), "the current folder was removed")
      ok(toy:shell({ "version" }, "", gone))
    end)
  )
end)

describe("the run store", function()
  for what, case in pairs {
    ["is a file"] = { "touch $STATE", "is not a folder, but a file" },
    ["is a link to nothing"] = { "ln -s nothing $STATE", "is not a folder, but a link" },
    ["is a link"] = { "mkdir $DIR/real; ln -s real $STATE", false },
    ["has no valid key"] = { "mkdir $STATE; echo no > $STATE/key", "the key of the run store has 3 bytes" },
    ["has a folder as its key"] = { "mkdir -p $STATE/key", "Is a directory" },
    ["has other things in it"] = { "mkdir -p $STATE/R-x $STATE/tmp; touch $STATE/R-20200101-000000-0000", false },
    ["has what a crash left"] = { "mkdir -p $STATE/.new-R-20200101-000000-0000", false },
  } do
    it(
      what,
      with_toy(function(toy)
        ok(proc.run { argv = { "sh", "-ec", case[1] }, env = { STATE = toy.state, DIR = toy.dir } })
        if case[2] then return check(toy, toy:o2x(RUN), case[2]) end
        ok(toy:o2x(RUN))
        assert.same(EVERYTHING, toy:holds())
      end)
    )
  end
end)

-- As nobody, because root may do anything.
local NOBODY <const> = ' set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@";'

describe("rights", function()
  local function as_nobody(toy, words, prepare, env)
    ok(proc.run { argv = { "sh", "-ec", prepare .. "; chown -R 65534:65534 ." }, cwd = toy.dir })
    return toy:shell(words, "", NOBODY, env)
  end

  for prepare, says in pairs {
    ["true"] = false,
    ["mkdir state; chmod 500 state"] = "state/key: Permission denied",
    ["mkdir state; chmod 0 state"] = "state/key: Permission denied",
    ["mkdir -p state/locks; touch state/locks/alpha; chmod 400 state/locks/alpha"] = "locks/alpha: Permission denied",
    ["chmod 500 ."] = "set O2X_STATE, or state in o2x.yaml, to a folder that can be written",
    ["chmod -R a-w project"] = false,
    ["chmod 0 project/runbooks/build.lua"] = "build.lua: Permission denied",
    ["chmod 0 project/stdlib"] = "stdlib/platform.lua: Permission denied",
    ["chmod 0 project/platform"] = "platform.yaml: Permission denied",
    ["chmod 0 project/platform/tenants/alpha.yaml"] = "alpha.yaml: Permission denied",
  } do
    it(
      "that are missing: " .. prepare,
      with_toy(function(toy)
        if proc.run({ argv = { "id", "-u" } }).stdout ~= "0\n" then return pending "only root can become nobody" end
        local result = as_nobody(toy, RUN, prepare)
        if says then return check(toy, result, says) end
        ok(result)
        assert.same(EVERYTHING, toy:holds())
      end)
    )
  end

  it(
    "a plan needs none to write",
    with_toy(function(toy)
      if proc.run({ argv = { "id", "-u" } }).stdout ~= "0\n" then return pending "only root can become nobody" end
      for _, words in ipairs { { "plan", "build", "alpha" }, { "list" }, { "info", "build" } } do
        ok(as_nobody(toy, words, "chmod -R a-w project", { O2X_STATE = "" }))
      end
    end)
  )
end)

describe("the time of day", function()
  if build.sanitized then return end -- there the time cannot be wound
  teardown(faults.forget)

  for what, clock in pairs {
    ["is 1970"] = "at:0",
    ["is the end of 32 bits"] = "at:2147483646",
    ["is beyond 32 bits"] = "at:4294967296",
    ["is the year 9999"] = "at:253402300000",
    ["jumps by an hour, back and forth"] = "jump:3600",
    ["jumps by ten years, back and forth"] = "jump:315360000",
  } do
    it(
      what,
      with_toy(function(toy)
        local env = faults.clock(clock)
        env.O2X_KILL_AT = "6"
        assert.equal(9, toy:o2x(RUN, env).signal)
        env.O2X_KILL_AT = nil
        ok(toy:o2x({ "resume" }, env))
        assert.same(EVERYTHING, toy:holds())
        assert.equal(7, #toy:writes())
        ok(toy:o2x(RUN)) -- and now the clock is right
        local list = toy:json { "runs", "--json" }
        assert.same({ "done", "done" }, { list[1].status, list[2].status })
        assert.is_true(list[1].seconds >= 0 and list[2].seconds >= 0)
        for _, h in ipairs(list) do
          ok(toy:o2x { "show", h.id })
        end
      end)
    )
  end
end)

describe("a terminal", function()
  -- script gives the program a terminal of its own.
  local function on_terminal(toy, words, setup, env)
    return toy:shell(words, "", ([[
      quoted=$(printf ' %%q' "$@")
      set -- script -qec "%s; $quoted" /dev/null]]):format(setup) .. ";", env)
  end

  for setup, term in pairs {
    ["stty cols 20 rows 5"] = "xterm",
    ["stty cols 1 rows 1"] = "xterm",
    ["stty cols 0 rows 0"] = "xterm",
    ["stty cols 60000 rows 60000"] = "xterm",
    ["stty cols 80 rows 24"] = "dumb",
    ["stty cols 80 rows 25"] = "",
    ["(stty cols 20; stty cols 200; stty cols 3) & true"] = "xterm",
  } do
    it(
      ("of any kind: %s, TERM=%s"):format(setup, term),
      with_toy(function(toy)
        local result = on_terminal(toy, RUN, setup, { TERM = term })
        assert.equal(0, result.code, result.stdout)
        assert.same(EVERYTHING, toy:holds())
        if term ~= "xterm" then assert.is_nil(result.stdout:find("\27", 1, true)) end
      end)
    )
  end

  it("has colours unless they are not wanted", function()
    for colours, env in pairs {
      [{ true }] = { NO_COLOR = "", TERM = "xterm" },
      [{ true, 1 }] = { NO_COLOR = "", CLICOLOR = "1", TERM = "xterm" },
      [{ false }] = { NO_COLOR = "1", TERM = "xterm" },
      [{ false, 1 }] = { NO_COLOR = "1", CLICOLOR_FORCE = "1", TERM = "xterm" },
      [{ false, 2 }] = { NO_COLOR = "", CLICOLOR = "0", TERM = "xterm" },
      [{ false, 3 }] = { NO_COLOR = "", TERM = "dumb" },
    } do
      local toy <close> = toys.new()
      local result = on_terminal(toy, { "plan", "build", "alpha" }, "true", env)
      assert.equal(colours[1], result.stdout:find("\27%[%d+m") ~= nil, result.stdout)
    end
  end)

  it("that hangs up interrupts the run, which is resumed", function()
    local toy <close> = toys.new()
    toy:runbook("slow", [[ step("one", function() toy.ensure("one", 1) toy.wait(toy.tick() == 1 and 300 or 0) end) ]])
    local child <close> = toy:start_shell(
      { "run", "slow", "alpha" },
      [[quoted=$(printf ' %q' "$@"); set -- script -qec "$quoted" /dev/null;]],
      { TERM = "xterm" }
    )
    eventually("the wait", function() return fs.exists(toy.system .. "/.ticks") end)
    child:kill(9)
    proc.wait(child, 60)
    eventually("the end of the run", function() return toy:json({ "runs", "--json" })[1].status == "interrupted" end)
    ok(toy:o2x { "resume" })
  end)
end)
