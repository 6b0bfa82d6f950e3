-- Runs the tests: build/o2x-dev tests/run.lua [--filter=PATTERN] [--list] [FILE or FOLDER ...]
-- busted runs inside a task of the host, so the body of an `it` may wait like any runbook. After each test nothing
-- that the test started may be left: no task, no watch, no timer, no child. The last line is "N passed, N failed".

-- busted's helpers want three C libraries for a handful of functions; the host gives those, so the tests need no .so.
local task = require "o2x.base.task"

package.preload["system"] = function() return { gettime = os.time, monotime = task.now, sleep = task.sleep } end
package.preload["lfs"] = function()
  local function mode(path)
    local file = io.open(path, "r")
    if not file then return nil end
    local ok, _, code = file:read(0)
    file:close()
    return (ok == nil and code == 21) and "directory" or "file"
  end
  local function attributes(path, name) return name == "mode" and mode(path) or nil end
  return {
    attributes = attributes,
    symlinkattributes = attributes,
    currentdir = function() return os.getenv("PWD") end,
  }
end

-- Messages name o2x by this word, wherever the build is.
if not os.getenv "O2X_COMMAND" then
  local program, fs = require "o2x.core.program", require "o2x.base.fs"
  local dev = fs.realpath "/proc/self/exe"
  assert(program.exec("/usr/bin/env", { "env", "O2X_COMMAND=o2x", dev, table.unpack(arg, 1) }))
end

local SETTLE = 20 -- seconds that a test's remains get to go away by themselves (a closing connection, say)

--- The spec files below the given files and folders, sorted.
local function spec_files(roots)
  local found = {}
  for _, root in ipairs(roots) do
    if root:match("%.lua$") then
      found[#found + 1] = root
    else
      local list <close> =
        assert(io.popen("find '" .. root:gsub("'", "'\\''") .. "' -name '*_spec.lua' | LC_ALL=C sort"))
      for path in list:lines() do
        found[#found + 1] = path
      end
    end
  end
  return found
end

local function parse(arguments)
  local options = { roots = {} }
  local i = 1
  while arguments[i] do
    local word = arguments[i]
    if word == "--filter" then
      i = i + 1
      options.filter = arguments[i]
    elseif word:match("^%-%-filter=") then
      options.filter = word:match("=(.*)")
    elseif word == "--list" then
      options.list = true
    elseif word:match("^%-") then
      io.stderr:write("tests/run.lua: unknown option ", word, " (--filter=PATTERN, --list)\n")
      return nil
    else
      options.roots[#options.roots + 1] = word
    end
    i = i + 1
  end
  if #options.roots == 0 then
    options.roots =
      { "tests/house", "tests/unit", "tests/servers", "tests/regress", "tests/fuzz", "tests/hostile", "tests/e2e" }
  end
  return options
end

--- Waits until no more tasks and handles live than `before`; -> what is left, or nil.
local function remains(before)
  local deadline = task.now() + SETTLE
  while true do
    collectgarbage()
    local tasks, handles = task.live()
    if tasks <= before.tasks and handles <= before.handles then return nil end
    if task.now() > deadline then
      return ("left behind: %d task(s), %d open handle(s)"):format(tasks - before.tasks, handles - before.handles)
    end
    task.sleep(0.01)
  end
end

local function census()
  collectgarbage()
  local tasks, handles = task.live()
  return { tasks = tasks, handles = handles }
end

--- One line of progress a file, the failures in full.
local function reporter(busted, options)
  local report = { passed = 0, failed = 0 }
  local current, baseline, file

  local function full_name(element)
    local names = {}
    while element and element.descriptor and element.descriptor ~= "file" do
      if element.name then table.insert(names, 1, element.name) end
      element = busted.context.parent(element)
    end
    return table.concat(names, " ")
  end

  local function fail(element, message, trace)
    report.failed = report.failed + 1
    if file then file.failed = file.failed + 1 end
    io.stdout:write("\nFAIL  ", full_name(element), "\n")
    io.stdout:write("      ", (tostring(message):gsub("\n", "\n      ")), "\n")
    if trace and trace.traceback and not tostring(message):find("stack traceback") then
      local frames = 0
      for line in trace.traceback:gmatch("[^\n]+") do
        if line:find("_spec.lua:", 1, true) and frames < 4 then
          frames = frames + 1
          io.stdout:write("        ", line:match("^%s*(.*)"), "\n")
        end
      end
    end
    io.stdout:flush()
  end

  busted.subscribe({ "test", "start" }, function()
    baseline, current = census(), { failed = false }
  end)

  -- An error or failure of the test itself arrives before its end.
  for _, kind in ipairs { "failure", "error" } do
    busted.subscribe({ kind }, function(element, _, message, trace)
      if current then current.failed = true end
      fail(element, message, trace)
    end)
  end

  busted.subscribe({ "test", "end" }, function(element, _, status)
    if status == "pending" then return end
    if not current.failed then
      local left = remains(baseline)
      if left then
        current.failed = true
        fail(element, left)
      end
    end
    if not current.failed then
      report.passed = report.passed + 1
      if file then file.passed = file.passed + 1 end
      if options.list then print(full_name(element)) end
    end
    current = nil
  end)

  busted.subscribe({ "file", "start" }, function(element)
    file = { passed = 0, failed = 0, start = task.now(), baseline = census() }
    io.stdout:write(element.name, " ")
    io.stdout:flush()
  end)

  busted.subscribe({ "file", "end" }, function(element)
    local left = remains(file.baseline)
    if left then fail(element, element.name .. ": " .. left) end
    io.stdout:write(
      ("%s%d passed, %d failed, %.1f s\n"):format(
        file.failed > 0 and "… " or "",
        file.passed,
        file.failed,
        task.now() - file.start
      )
    )
    io.stdout:flush()
    file = nil
  end)

  return report
end

local function filter_by_name(busted, pattern)
  local function wanted(name)
    local parent, names = busted.context.get(), { name }
    while parent and parent.name and parent.descriptor ~= "file" do
      table.insert(names, 1, parent.name)
      parent = busted.context.parent(parent)
    end
    return nil, table.concat(names, " "):find(pattern) ~= nil
  end
  busted.subscribe({ "register", "it" }, wanted, { priority = 1 })
  busted.subscribe({ "register", "pending" }, wanted, { priority = 1 })
end

--- The host's errors are objects; busted wants to print them.
local function load_file(busted, path, report)
  local chunk, problem = loadfile(path)
  if not chunk then
    report.failed = report.failed + 1
    print("\nFAIL  " .. problem)
    return
  end
  local function trace(_, info) return info end
  busted.executors.file(path, setmetatable({ getTrace = trace }, { __call = chunk }))
end

local options = parse { table.unpack(arg, 2) } -- arg[1] is this file
if not options then return 3 end

local at_start = census()
local busted = require "busted.core"()
require "busted"(busted)
local report = reporter(busted, options)
if options.filter then filter_by_name(busted, options.filter) end
for _, path in ipairs(spec_files(options.roots)) do
  load_file(busted, path, report)
end
require "busted.execute"(busted)(1, {})
print(("%d passed, %d failed"):format(report.passed, report.failed))
local code = report.failed > 0 and 1 or 0
-- A task that a failed test left waiting would keep the process from ending.
if task.live() > at_start.tasks then os.exit(code) end
return code
