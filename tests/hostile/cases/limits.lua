-- What uses up time, memory, tasks or servers. Each attempt ends with one line that names the script's line.

local build = require "tests.support.build"

local CPU <const> = { O2X_CPU_LIMIT = "1,20" }

-- A loop that computes.
local function burns(what, body)
  return { what, body = body, env = CPU, code = 1, expect = { "hostile.lua:", "ran for 1 s without waiting" } }
end

-- What needs more memory than there is.
local function hoards(what, body)
  return {
    what,
    body = body,
    env = { O2X_LIMITS_MEMORY = "64" },
    code = 1,
    expect = { "hostile.lua:", "not enough memory" },
  }
end

-- What a limit of the configuration ends.
local function reaches(what, body, expect, env)
  return { what, body = body, env = env, code = 1, expect = { "hostile.lua:", expect }, absent = "traceback" }
end

-- The same for a file that is being loaded.
local function loads(what, top, expect)
  return { what, top = top, body = "", env = CPU, expect = { "hostile.lua:", expect }, absent = "traceback" }
end

-- Blocks of a size that are free are not given back as long as one near them lives. The sanitizers' malloc has no such
-- lists (host/heap.c), so there this is a run of little memory.
local SCATTERED <const> = hoards(
  "keeps one text of each size among many",
  [[
    local kept = {}
    for size = 40, 440, 50 do
      local list = {}
      for i = 1, 2e7 // size do
        list[i] = ("x"):rep(size) .. i
        if i % 100 == 0 then kept[#kept + 1] = list[i] end
      end
    end]]
)

local cases = {
  burns("loops", "while true do end"),
  burns("loops and catches errors", "while true do pcall(function() while true do end end) end"),
  burns("loops in the handler of an error", "xpcall(error, function() while true do end end)"),
  burns(
    "loops in a handler in a handler",
    "xpcall(error, function() xpcall(error, function() while true do end end) end)"
  ),
  burns("loops in a comparison of sort", "table.sort({ 3, 2, 1 }, function() while true do end end)"),
  burns("loops in a metamethod", "local _ = setmetatable({}, { __index = function() while true do end end }).x"),
  burns(
    "loops in a concatenation",
    "local _ = setmetatable({}, { __concat = function() while true do end end }) .. 'x'"
  ),
  burns(
    "loops while a variable closes",
    [[
    local _x <close> = setmetatable({}, { __close = function() while true do end end })]]
  ),
  burns("loops in tostring", "tostring(setmetatable({}, { __tostring = function() while true do end end }))"),
  burns("loops in a replacement", "('x'):gsub('x', function() while true do end end)"),
  burns(
    "loops over ipairs without end",
    "for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end"
  ),
  burns("loops inside parallel", "parallel { function() while true do end end }"),
  burns("loops inside timeout", "timeout(1000, function() while true do end end)"),
  burns("loops inside wait_until", "wait_until('it', 1000, function() while true do end end)"),
  burns("matches optional items", "('a'):rep(50):find(('a?'):rep(50) .. ('a'):rep(50) .. 'b')"),
  burns("matches lazy items", "('a'):rep(5000):find(('.-'):rep(8) .. 'b')"),
  burns("matches greedy items", "('a'):rep(5000):match(('.*'):rep(8) .. 'b')"),
  burns("matches balance", "('('):rep(1e7):gsub('%b()', '')"),
  burns("matches from each place", "('a'):rep(1e7):gsub('a.-b', '')"),
  burns("matches a wide set", "('a'):rep(1e7):find('[' .. ('b'):rep(1e7) .. ']*c')"),
  burns("iterates over matches", "for _ in ('a'):rep(1e7):gmatch('a.-b') do end"),
  burns(
    "sorts again and again",
    [[
    local t = {} for i = 1, 1e6 do t[i] = ("x"):rep(300) .. i % 7 end
    while true do table.sort(t) end]]
  ),
  burns("inserts at the front", "local t = {} for i = 1, 1e7 do table.insert(t, 1, i) end"),
  burns("joins again and again", "local t = {} for i = 1, 1e6 do t[i] = 'x' end while true do table.concat(t) end"),
  burns("turns long texts round", "local s = ('x'):rep(6e7) while true do s = s:reverse() end"),
  burns("recurses and catches it", "local function f() return 1 + f() end while true do pcall(f) end"),
  burns(
    "walks a large table in order",
    "local t = {} for i = 1, 1e6 do t['k' .. i] = i end while true do for _ in pairs(t) do break end end"
  ),
  burns(
    "walks a table that it changes",
    "local t = { 1 } while true do for k in pairs(t) do t[k], t[-k] = nil, 1 end end"
  ),
  hoards("appends without end", "local t = {} while true do t[#t + 1] = #t end"),
  hoards("keeps long texts", "local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end"),
  hoards("doubles a text", "local s = 'x' while true do s = s .. s end"),
  hoards("nests tables", "local t = {} while true do t = { t, {} } end"),
  hoards("makes functions", "local t = {} while true do t[#t + 1] = function() return t end end"),
  reaches("repeats a long text", "('x'):rep(1e9)", "string.rep: the result would be too long"),
  reaches("repeats nothing very often", "('x'):rep(1e9, ('x'):rep(9))", "string.rep: the result would be too long"),
  reaches("unpacks too much", "table.unpack({}, 1, 1e8)", "table.unpack: too many elements"),
  reaches("joins too much", "table.concat({}, '', 1, math.maxinteger)", "table.concat: too many elements"),
  reaches(
    "joins from the smallest number",
    "table.concat({}, '', math.mininteger, math.maxinteger)",
    "too many elements"
  ),
  reaches("moves too much", "table.move({}, 1, math.maxinteger, 2)", "table.move: too many elements"),
  reaches("recurses", "local function f() return 1 + f() end f()", "stack overflow"),
  reaches("sleeps without time", "while true do sleep(0) end", "more than 10,000 sleeps shorter than 10 ms"),
  reaches("sleeps without end", "sleep(math.huge)", "sleep: seconds must be a number from 0 to 43200"),
  reaches("sleeps backwards", "sleep(-1)", "sleep: seconds must be a number from 0 to 43200"),
  reaches(
    "waits without end",
    "wait_until('it', math.huge, function() end)",
    "seconds must be a number from 0 to 43200"
  ),
  reaches("waits for no number", "wait_until('it', 0 / 0, function() end)", "seconds must be a number from 0 to 43200"),
  reaches(
    "goes on too long",
    "while true do sleep(0.05) end",
    "the run took longer than 2 s",
    { O2X_LIMITS_RUN = "2" }
  ),
  reaches("doubles parallel", "local function f() parallel { f, f } end f()", "more than 1,000 tasks at a time"),
  reaches("nests parallel", "local function f() parallel { f } end f()", "parallel inside parallel, more than 10 deep"),
  reaches(
    "starts many tasks",
    "local t = {} for i = 1, 1e5 do t[i] = sleep end parallel(t)",
    "more than 1,000 tasks at a time"
  ),
  reaches(
    "goes through a long list",
    "local t = {} for i = 1, 1e6 + 1 do t[i] = i end parallel.each(t, type)",
    "parallel.each: more than 1,000,000 items"
  ),
  reaches(
    "makes steps",
    "local n = 0 while true do n = n + 1 step('s' .. n, type, 1) end",
    "more than 200 steps",
    { O2X_LIMITS_STEPS = "200" }
  ),
  reaches("makes checks", "while true do check('c', type, 1) end", "more than 200 steps", { O2X_LIMITS_STEPS = "200" }),
  reaches("logs lines", "while true do log 'x' end", "more than 10,000 messages logged"),
  reaches("logs bytes", "while true do log(('x'):rep(1e5)) end", "more than 1 MiB logged", { O2X_LIMITS_LOG = "1" }),
  reaches("names a step at length", "step(('x'):rep(1e6), type, 1)", "a step's name has at most 200 bytes"),
  reaches(
    "gives a long table out",
    "local t = {} for i = 1, 300 do t[i] = { a = 1 } end\n" .. "output { columns = { 'a' }, rows = t }",
    "output: more than 200 rows",
    { O2X_LIMITS_ROWS = "200" }
  ),
  loads("loops while it is loaded", "while true do end", "ran for 1 s"),
  loads(
    "matches while it is loaded",
    "local _ = ('a'):rep(50):find(('a?'):rep(50) .. ('a'):rep(50) .. 'b')",
    "ran for 1 s"
  ),
  loads("recurses while it is loaded", "local function f() return 1 + f() end f()", "stack overflow"),
} -- stylua: ignore

if not build.sanitized then cases[#cases + 1] = SCATTERED end

return cases
