-- Runs benchmarks: build/o2x-dev bench/run.lua [NAME ...] (make bench, make bench-NAME). Without a name: all.
--
-- bench/NAME.lua returns what is measured:
--   title        what all contenders do, in one line
--   differs      what is not the same between them (a stand-in, a missing check), in one line
--   rounds       how often each is measured, after one round of warming up; default 7
--   setup(folder) → state, teardown(state)     untimed; `folder` is a fresh temporary one
--   contenders(state) → list of
--     name, argv, env     a whole process; its time is that from spawn to exit. env may be a function
--     before()            untimed, before each round: restores the input
--     check(result)       untimed, after each round: raises when the work was not done
--     figure(wall)        after each round: the seconds that count, instead of the wall time
--     also()              after each round: a text beside the row
--     versions            of what it is made of
--     missing, probe      how to get its program: it is left out, and said, when argv[1] is not there or the
--                         command `probe` fails
--   must         list of { NAME, RATIO, OTHER NAME, "peak"? }: NAME takes at most RATIO times as long as the other, or
--                needs at most RATIO times its memory
--
-- A program whose start or preparation would hide the work prints "figure: SECONDS" as its last line: that is taken
-- instead of the wall time. "also: TEXT" lines before it are printed beside the row (a longest stall, a count).
--
-- Contenders take turns (A B A B …), so that what disturbs the machine disturbs all. Times are medians with the least
-- and the most; a machine that does something else at the same time makes them worthless.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local sorted_keys = require "o2x.base.sorted_keys"

local RESULTS <const> = "bench/RESULTS.md"
local MEASURE <const> = "build/bench/measure"
local ROUNDS <const> = 7
local LONGEST <const> = 1800 -- seconds of one contender in one round

package.path = "./?.lua;" .. package.path

local function median(list)
  table.sort(list)
  local middle = #list // 2
  return #list % 2 == 1 and list[middle + 1] or (list[middle] + list[middle + 1]) / 2
end

-- One round of one contender.
local function measure(contender, folder)
  if contender.before then contender.before() end
  local report = fs.join(folder, "measure")
  local result = proc.run {
    argv = { MEASURE, report, table.unpack(contender.argv) },
    env = type(contender.env) == "function" and contender.env() or contender.env,
    timeout = LONGEST,
    max_output = 64 * 1024 * 1024,
  }
  if result.code ~= 0 then
    error(("%s: exit code %s\n%s%s"):format(contender.name, result.code, result.stdout, result.stderr), 0)
  end
  if contender.check then contender.check(result) end
  local wall, user, system, peak = fs.read(report):match "(%S+) (%S+) (%S+) (%S+)"
  local figure = contender.figure and contender.figure(tonumber(wall)) or result.stdout:match "figure: (%S+)%s*$"
  local also = { contender.also and contender.also() }
  for text in result.stdout:gmatch "also: ([^\n]*)" do
    also[#also + 1] = text
  end
  return {
    time = tonumber(figure or wall),
    cpu = tonumber(user) + tonumber(system),
    peak = tonumber(peak),
    also = table.concat(also, ", "),
  }
end

local function present(contender)
  if not contender.missing then return true end
  if not proc.exists(contender.argv[1]) then return false end
  return not contender.probe or proc.run({ argv = contender.probe }).code == 0
end

-- → the rows: name, time, least, most, cpu, peak
local function rounds(bench, contenders, folder)
  local rows = {}
  for i, contender in ipairs(contenders) do
    rows[i] = { name = contender.name, versions = contender.versions, missing = contender.missing, seen = {} }
  end
  for round = 0, bench.rounds or ROUNDS do
    for i, contender in ipairs(contenders) do
      if present(contender) then
        local seen = measure(contender, folder)
        if round > 0 then table.insert(rows[i].seen, seen) end
      end
    end
  end
  return rows
end

local function column(seen, name)
  local list = {}
  for i, each in ipairs(seen) do
    list[i] = each[name]
  end
  return list
end

local function sum_up(rows)
  for _, row in ipairs(rows) do
    if #row.seen > 0 then
      local times = column(row.seen, "time")
      row.time, row.cpu, row.peak = median(times), median(column(row.seen, "cpu")), median(column(row.seen, "peak"))
      row.least, row.most = times[1], times[#times]
      row.also = row.seen[#row.seen].also
    end
  end
end

local function seconds(n)
  if n < 0.001 then return ("%.0f µs"):format(n * 1e6) end
  if n < 1 then return ("%.3g ms"):format(n * 1e3) end
  return ("%.2f s"):format(n)
end

local function named(rows, name)
  for _, row in ipairs(rows) do
    if row.name == name then return row end
  end
  error("must: no contender is named " .. name, 0)
end

-- The rows of a table, each a list of cells: one for each contender, then one for each goal.
local function table_rows(bench, rows)
  local first = rows[1].time
  local lines = {}
  for _, row in ipairs(rows) do
    if row.time then
      lines[#lines + 1] = {
        row.name,
        seconds(row.time),
        ("%s–%s"):format(seconds(row.least), seconds(row.most)),
        ("%.2f"):format(row.time / first),
        seconds(row.cpu),
        ("%.1f MiB"):format(row.peak / 1024),
        (row.versions or "") .. (row.versions and row.also ~= "" and "; " or "") .. row.also,
      }
    else
      lines[#lines + 1] = { row.name, "not here", "", "", "", "", row.missing }
    end
  end
  local goals = {}
  for _, goal in ipairs(bench.must or {}) do
    local one, other = named(rows, goal[1]), named(rows, goal[3])
    if one.time and other.time then
      local quantity, verb = goal[4] or "time", goal[4] == "peak" and "needs" or "takes"
      local ratio = one[quantity] / other[quantity]
      local verdict = ratio <= goal[2] and "reached" or "MISSED"
      goals[#goals + 1] = ("%s: %s %s %.2f × of %s; goal: at most %.2f ×"):format(
        verdict,
        goal[1],
        verb,
        ratio,
        goal[3],
        goal[2]
      )
    end
  end
  return lines, goals
end

-- A line of a list, broken at 118 columns.
local function item(text)
  local lines, line = {}, "-"
  for word in text:gmatch "%S+" do
    if utf8.len(line) + 1 + utf8.len(word) > 118 then
      lines[#lines + 1], line = line, " "
    end
    line = line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local HEAD <const> = { "contender", "median", "least–most", "ratio", "CPU", "peak", "" }

local function section(name, bench, rows)
  local lines, goals = table_rows(bench, rows)
  local text = { ("## %s"):format(name), "", bench.title .. ".", "" }
  text[#text + 1] = "| " .. table.concat(HEAD, " | ") .. " |"
  text[#text + 1] = "|" .. ("---|"):rep(#HEAD)
  for _, line in ipairs(lines) do
    text[#text + 1] = "| " .. table.concat(line, " | ") .. " |"
  end
  text[#text + 1] = ""
  for _, goal in ipairs(goals) do
    text[#text + 1] = item(goal)
  end
  if bench.differs then text[#text + 1] = item("What differs: " .. bench.differs) end
  return table.concat(text, "\n") .. "\n"
end

-- ---- bench/RESULTS.md: a section for each benchmark; those that did not run now stay ----

local function old_sections()
  local sections, name = {}, nil
  for line in (fs.read_if(RESULTS) or ""):gmatch "([^\n]*)\n" do
    name = line:match "^## (%S+)$" or name
    if name then sections[name] = (sections[name] or "") .. line .. "\n" end
  end
  return sections
end

local function machine()
  local cpu = (fs.read_if "/proc/cpuinfo" or ""):match "model name%s*: ([^\n]*)" or "unknown processor"
  local kernel = proc.run({ argv = { "uname", "-sr" } }).stdout:gsub("%s+$", "")
  local cores = proc.run({ argv = { "nproc" } }).stdout:gsub("%s+$", "")
  return ("%s cores of %s, %s"):format(cores, cpu, kernel)
end

local function write_results(sections)
  local text = {
    "# What the benchmarks measured",
    "",
    "Made by `make bench`; `make bench-NAME` renews one section. A ratio is to the first row of its table, taken in",
    "one run, the contenders taking turns: only ratios can be compared between machines. Times are medians.",
    "",
    "Machine: " .. machine() .. ".",
  }
  for _, name in ipairs(sorted_keys(sections)) do
    text[#text + 1] = ""
    text[#text + 1] = (sections[name]:gsub("\n+$", ""))
  end
  fs.write(RESULTS, table.concat(text, "\n") .. "\n", { mode = tonumber("644", 8) })
end

-- ----

local function run(name)
  local bench = dofile(("bench/%s.lua"):format(name))
  local folder = fs.temp_folder()
  local state = bench.setup and bench.setup(folder) or folder
  local ok, result = pcall(function()
    local rows = rounds(bench, bench.contenders(state), folder)
    sum_up(rows)
    return section(name, bench, rows)
  end)
  if bench.teardown then bench.teardown(state) end
  fs.remove_tree(folder)
  if not ok then error(result, 0) end
  return result
end

local function all()
  local names = {}
  for path in proc.run({ argv = { "sh", "-c", "ls bench/*.lua" } }).stdout:gmatch "bench/([%w_]+)%.lua" do
    if path ~= "run" and path ~= "count" then names[#names + 1] = path end
  end
  return names
end

local sections, failed = old_sections(), 0
local names = { table.unpack(arg, 2) }
for _, name in ipairs(#names > 0 and names or all()) do
  local ok, text = pcall(run, name)
  if ok then
    sections[name] = text
    io.stdout:write(text, "\n")
    write_results(sections)
  else
    failed = failed + 1
    io.stderr:write(("bench %s: %s\n"):format(name, tostring(text)))
  end
end
os.exit(failed == 0 and 0 or 1)
