-- Counts what does not depend on the machine's mood: build/o2x-dev bench/count.lua [--update] [NAME ...]
-- (make bench-count). The counts of bench/count/NAME.lua are compared with the committed ones in bench/counts.json;
-- one that has grown by more than 3 % is a failure. --update writes the new ones. One line a count, "ok" or "FAIL".
--
-- bench/count/NAME.lua returns a function(count) that returns a table of counts by name. `count` has
--   folder                            a fresh temporary folder
--   instructions(argv, options)       that the program itself ran, its children not
--   calls(argv, options)              its system calls, and those of its children:
--                                     { children, syncs, connects, sends } (children: programs that it started itself;
--                                     sends: parts sent to PostgreSQL)
--   lab()                             a lab of its own, tests/support/lab.lua; the same at each call
--   requests(argv, options)           that the lab's HTTP servers got meanwhile
--   grows(small, large)               the ratio of two counts, for what must be linear
-- A count that depends on who comes first is { count, TOLERANCE }: 0.1 lets it grow by a tenth.
-- options: env, stdin. A program that fails is an error.
--
-- Instructions are those of this compiler and C library: the committed ones are of Debian 12.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local sorted_keys = require "o2x.base.sorted_keys"

local COUNTS <const> = "bench/counts.json"
local TOLERANCE <const> = 0.03
local LONGEST <const> = 900 -- seconds of one program

package.path = "./?.lua;" .. package.path

local lab_of = require "tests.support.lab"

-- ---- how to count ----

local function run(argv, options)
  options = options or {}
  local result = proc.run { argv = argv, env = options.env, stdin = options.stdin, timeout = LONGEST }
  if result.code ~= 0 then
    error(("%s: exit code %s\n%s"):format(table.concat(argv, " "), result.code, result.stderr), 0)
  end
  return result
end

local function instructions(_, argv, options)
  local result = run({
    "valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    "--trace-children=no",
    table.unpack(argv),
  }, options)
  return assert(tonumber(result.stderr:match "Collected : (%d+)"), result.stderr)
end

-- The front-end's first message of a part that is sent to PostgreSQL: Parse or Query.
local TO_POSTGRESQL <const> = '^"[PQ]\\'

local function calls(count, argv, options)
  local log = fs.join(count.folder, "strace")
  local trace = "trace=execve,clone,clone3,fork,vfork,fsync,fdatasync,sync_file_range,connect,sendto"
  run({ "strace", "-f", "-qq", "-s", "2", "-e", trace, "-o", log, table.unpack(argv) }, options)
  local seen = { children = 0, syncs = 0, connects = 0, sends = 0 }
  local own, forked = nil, {}
  for line in fs.read(log):gmatch "[^\n]+" do
    -- A call during which another process is looked at has two lines; the second one has the result.
    local name, rest = line:match "^%d+ +(%w+)%((.*)"
    local process = line:match "^%d+"
    own = own or process -- the first line is the program's own start
    if process == own and (line:find "clone" or line:find "fork") then
      forked[line:match "= (%d+)$" or ""] = true
    elseif line:find "execve.* = 0$" then
      -- A script that becomes another program is one child.
      seen.children = seen.children + (forked[process] and 1 or 0)
      forked[process] = nil
    elseif name == "fsync" or name == "fdatasync" then
      seen.syncs = seen.syncs + 1
    elseif name == "connect" and rest:find "AF_INET" then
      seen.connects = seen.connects + 1
    elseif name == "sendto" and rest:match("^%d+, (.*)"):find(TO_POSTGRESQL) then
      seen.sends = seen.sends + 1
    end
  end
  return seen
end

local function lab(count)
  count.started = count.started or lab_of.start()
  return count.started
end

local function asked(count)
  local total = 0
  for line, times in pairs(json.decode(count.started:o2x({ "lab", "requests", "--json" }).stdout)) do
    if not line:find "^control " then total = total + times end
  end
  return total
end

local function requests(count, argv, options)
  local before = asked(count)
  run(argv, options)
  return asked(count) - before
end

local function new_count()
  local count = { folder = fs.temp_folder() }
  count.instructions = function(...) return instructions(count, ...) end
  count.calls = function(...) return calls(count, ...) end
  count.requests = function(...) return requests(count, ...) end
  count.lab = function() return lab(count) end
  count.grows = function(small, large) return large / small end
  return count
end

-- ---- what is counted ----

local function all()
  local names = {}
  for name in run({ "sh", "-c", "ls bench/count" }).stdout:gmatch "([%w_]+)%.lua" do
    names[#names + 1] = name
  end
  return names
end

local function counted(name)
  local count = new_count()
  local ok, result = pcall(function() return dofile(("bench/count/%s.lua"):format(name))(count) end)
  if count.started then count.started:stop() end
  fs.remove_tree(count.folder)
  if not ok then error(("bench count %s: %s"):format(name, tostring(result)), 0) end
  return result
end

-- A line for people; whether the count is as it was.
local function judge(what, was, is, tolerance, update)
  if update then return true, ("new   %s: %s, was %s"):format(what, is, was) end
  if not was then return false, ("FAIL  %s: %s, not among the committed counts"):format(what, is) end
  local change = was == 0 and (is == 0 and 0 or math.huge) or is / was - 1
  local line = ("%s: %s, was %s"):format(what, is, was)
  if change > tolerance then return false, "FAIL  " .. line end
  if change < -tolerance then line = line .. "; less: make bench-count UPDATE=1" end
  return true, "ok    " .. line
end

local update, names = false, {}
for i = 2, #arg do
  if arg[i] == "--update" then
    update = true
  else
    names[#names + 1] = arg[i]
  end
end

local committed = json.decode(fs.read_if(COUNTS) or "{}")
local passed, failed = 0, 0
for _, name in ipairs(#names > 0 and names or all()) do
  local now = counted(name)
  for _, what in ipairs(sorted_keys(now)) do
    local full = name .. ": " .. what
    local is, tolerance = now[what], TOLERANCE
    if type(is) == "table" then
      is, tolerance = table.unpack(is)
    end
    local ok, line = judge(full, committed[full], is, tolerance, update)
    if update then committed[full] = is end
    print(line)
    passed, failed = passed + (ok and 1 or 0), failed + (ok and 0 or 1)
  end
end
if update then fs.write(COUNTS, json.pretty(committed) .. "\n", { mode = tonumber("644", 8) }) end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
