--- The DSL of runbooks: step, check, parallel, fail, invalid, log, output, sleep, timeout, wait_until.
-- None of these functions works while a file is being loaded, because loading must not do anything.

local lazy = require "o2x.base.lazy"
local frozen = require "o2x.base.frozen"
local lanes = lazy "o2x.script.lanes"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"
local params = require "o2x.project.params"
local snapshot = require "o2x.base.snapshot"
local step = lazy "o2x.script.step"
local task = require "o2x.base.task"
local unit = require "o2x.script.unit"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local text = value.shown

local M = {}

local FIRST_PAUSE, LONGEST_PAUSE = 0.01, 2 -- seconds between two calls in wait_until
local SHORTEST_SLEEP <const> = 0.01 -- seconds; the number of shorter ones is limited

local function script_error(sandbox, kind, message, hint)
  errors.raise { kind = kind, message = message, hint = hint, where = sandbox:where() }
end

-- What a script says itself about what it found.
local function say(sandbox, kind, message, hint)
  local where, line = sandbox:said()
  errors.raise { kind = kind, message = message, hint = hint, where = where, line = line }
end

local function where_of(sandbox)
  return function() return sandbox:where() end
end

local function check_functions(sandbox, name, list)
  for key, fn in pairs(list) do
    if type(key) ~= "string" and type(key) ~= "number" then
      script_error(sandbox, "failed", ("%s: a key is a %s, not a text or a number"):format(name, type(key)))
    end
    if type(fn) ~= "function" then
      script_error(sandbox, "failed", ("%s: %s is a %s, not a function"):format(name, tostring(key), type(fn)))
    end
  end
end

-- A time that a script may wait: a run's own limit is the longest that makes sense.
local function check_seconds(sandbox, name, seconds)
  local longest = limits.get "run"
  if type(seconds) == "number" and seconds >= 0 and seconds <= longest then return end
  local message = ("%s: seconds must be a number from 0 to %d, got %s"):format(name, longest, value.text(seconds))
  script_error(sandbox, "failed", message)
end

-- Calls start(room) while `wanted` tasks count as the run's; room: how many it may have at a time.
local function with_tasks(sandbox, wanted, least, start)
  local run, context = sandbox:running("parallel"), task.context()
  local depth = (context.parallel_depth or 0) + 1
  if depth > limits.get "nesting" then
    limits.reached("nesting", "parallel inside parallel, more than %s deep", sandbox:where())
  end
  local used = run.tasks or 0
  local room = math.min(wanted, limits.get "tasks" - used)
  if room < least then limits.reached("tasks", "more than %s tasks at a time", sandbox:where()) end
  run.tasks = used + room
  local _restore <close> = defer(function() run.tasks = run.tasks - room end)
  return task.within("parallel_depth", depth, start, room)
end

local function new_parallel(sandbox)
  --- Calls fn for each item of a list, at most limit at a time, and never more than limits.tasks.
  ---@function parallel.each
  ---@param list any[]
  ---@param fn fun(item: any): any
  ---@param options { limit: integer? }?
  ---@return any[] results in the order of the list
  local function each(list, fn, options)
    local run = sandbox:running("parallel.each")
    unknown.refuse_walk(list)
    if type(list) ~= "table" then
      script_error(sandbox, "failed", "parallel.each: expected a list, got a " .. type(list))
    end
    check_functions(sandbox, "parallel.each", { fn })
    list = snapshot.shallow(list, "parallel.each: the list", where_of(sandbox))
    fn = lanes.each(run, fn)
    options = snapshot.take(options, "parallel.each: the options", where_of(sandbox))
    local limit = type(options) == "table" and options.limit or nil
    if limit ~= nil and not (math.type(limit) == "integer" and limit > 0) then
      script_error(sandbox, "failed", "parallel.each: limit must be a positive integer")
    end
    if #list > limits.get "rows" then limits.reached("rows", "parallel.each: more than %s items", sandbox:where()) end
    if #list == 0 then return {} end
    return unit.parallel(
      run,
      with_tasks,
      sandbox,
      math.min(limit or #list, #list),
      1,
      function(room) return task.each(list, fn, { limit = room }) end
    )
  end
  -- A plan takes the functions one after the other: it lists what they would change in the order of the runbook, and a
  -- check knows what comes before it.
  local parallel = frozen.new { each = each }
  debug.getmetatable(parallel).__call = function(_, functions)
    local run = sandbox:running("parallel")
    if type(functions) ~= "table" then script_error(sandbox, "failed", "parallel: expected a table of functions") end
    functions = snapshot.shallow(functions, "parallel", where_of(sandbox))
    check_functions(sandbox, "parallel", functions)
    local count = 0
    for _ in pairs(functions) do
      count = count + 1
    end
    functions = lanes.of(run, functions)
    local limit = run.mode == "plan" and 1 or count
    return unit.parallel(run, with_tasks, sandbox, count, count, function() return task.parallel(functions, limit) end)
  end
  return parallel
end

-- A wait for the effect of a write would never end while the write is only planned.
local function skips_waiting(run) return run.mode == "plan" and run.plan:has_changes(task.place()) end

-- A replay does not wait: what it waits for has happened.
local function sleep_in(run, seconds)
  if run.tape then return run.tape:sleep(seconds) end
  task.sleep(seconds)
end

-- A checklist for people has what is waited for as a check.
local function look_by_hand(run, what, fn, ...)
  if not run.guide then return end
  local arguments = table.pack(...)
  local function look() return fn(table.unpack(arguments, 1, arguments.n)) end
  run.guide:look(step.path(), "wait until " .. what, look, true)
end

-- A plan does not wait: it lists what the run will wait for.
local function look_once(run, what, fn, ...)
  local result, why = fn(...)
  if result then return result end
  look_by_hand(run, what, fn, ...)
  run.plan:check_later(step.path(), what .. (why and (" (now: %s)"):format(text(why)) or ""))
  return nil
end

local function wait_until(sandbox, what, seconds, fn, ...)
  local run = sandbox:running("wait_until")
  if type(what) ~= "string" or type(seconds) ~= "number" or type(fn) ~= "function" then
    script_error(sandbox, "failed", "wait_until: expected a text, seconds and a function")
  end
  check_seconds(sandbox, "wait_until", seconds)
  if skips_waiting(run) and not (run.auditing and step.in_check()) then
    look_by_hand(run, what, fn, ...)
    return nil
  end
  if run.mode == "plan" and not run.auditing then return look_once(run, what, fn, ...) end
  seconds = run.ctx:patience(seconds)
  local deadline, pause = task.now() + seconds, FIRST_PAUSE
  while true do
    local result, why = fn(...)
    if result then return result end
    run.ctx:waiting(what .. (why and " (" .. text(why) .. ")" or ""))
    local is_over = task.now() + pause > deadline
    if run.tape then is_over = run.tape:is_over(what, is_over) end
    if is_over then
      say(sandbox, "timeout", ("%s: timed out after %g s%s"):format(what, seconds, why and ": " .. text(why) or ""))
    end
    sleep_in(run, pause)
    run.ctx:look_again()
    pause = math.min(pause * 1.5, LONGEST_PAUSE)
  end
end

local function is_list_of(kind, list)
  for _, item in ipairs(list or {}) do
    if type(item) ~= kind then return false end
  end
  return true
end

local function check_fields(sandbox, given)
  if given.text ~= nil and type(given.text) ~= "string" then
    script_error(sandbox, "failed", "output: text must be a text")
  elseif not is_list_of("string", given.columns) then
    script_error(sandbox, "failed", "output: columns must be a list of texts")
  elseif not is_list_of("table", given.rows) then
    script_error(sandbox, "failed", "output: rows must be a list of tables")
  end
end

-- Sets the result of the run: a table, or the checks that it made. A later call replaces an earlier one.
local function output(sandbox, given)
  local run = sandbox:running("output")
  given = snapshot.take(given, "output", where_of(sandbox))
  local is_table = type(given) == "table" and type(given.columns) == "table" and type(given.rows) == "table"
  if not is_table and not (type(given) == "table" and given.checks == true) then
    script_error(
      sandbox,
      "failed",
      "output: expected { columns = { names }, rows = { { name = value } } } or { checks = true }"
    )
  end
  if given.exit ~= nil and given.exit ~= 0 and given.exit ~= 2 then
    script_error(sandbox, "failed", "output: exit must be 0 or 2 (something was found)")
  end
  check_fields(sandbox, given)
  if given.junit ~= nil and not params.is_value(run.params, given.junit) then
    script_error(
      sandbox,
      "refused",
      "output: junit must be the value of a parameter, because whoever starts the run says where to write"
    )
  end
  if is_table and rawlen(given.rows) > limits.get "rows" then
    limits.reached("rows", "output: more than %s rows", sandbox:where())
  end
  if value.has_secret(given) then script_error(sandbox, "refused", "output: the result contains a secret") end
  run.output = given
end

local function log(sandbox, message, fields)
  local run = sandbox:running("log")
  limits.count(run, "log_lines", 1, "more than %s messages logged")
  limits.count(run, "log", #message, "more than %s MiB logged", 1 << 20)
  run.ctx:log("info", message, fields)
end

--- The functions of the DSL, bound to a sandbox.
---@param sandbox table
---@return table<string, any>
function M.new(sandbox)
  return {
    --- Runs fn(...) as a named step: shown, recorded in the journal, and not run again by o2x resume.
    ---@param name string what people read; unique among the steps beside it, no slash
    ---@param fn function
    ---@param ... any arguments of fn
    ---@return any result what fn returned: a plain value without secrets
    step = function(name, fn, ...) return step.step(sandbox:running("step"), name, fn, ...) end,

    --- Runs an assertion that only reads. A plan that has changes lists it instead of running it.
    ---@param name string what should be true
    ---@param fn function returns what it found, or false and the reason; or raises
    ---@param ... any arguments of fn
    ---@return any found what fn returned; nil in a plan that has changes
    check = function(name, fn, ...) return step.check(sandbox:running("check"), name, fn, ...) end,

    --- Calls all functions at the same time and waits for them; the first error cancels the others. A plan calls one
    --- after the other, so that it has an order.
    ---@param functions table<string, function>
    ---@return table<string, any> results by the same names
    parallel = new_parallel(sandbox),

    --- Ends the run as failed; it can be resumed.
    ---@param message string
    ---@param hint string? what to do about it
    fail = function(message, hint) say(sandbox, "failed", text(message), hint and text(hint)) end,

    --- Ends the run because a file or a parameter that the user gave is wrong (exit code 3).
    ---@param message string
    ---@param hint string? what to type instead
    ---@param where string? file, or file:line; by default the line of the script, unless it is in stdlib/
    invalid = function(message, hint, where)
      if where then errors.input(text(message), hint and text(hint), text(where)) end
      say(sandbox, "input", text(message), hint and text(hint))
    end,

    --- Prints a message and adds it to the log of the run.
    ---@param message string
    ---@param fields table? more for the log, name → value; last = true: it is said again in the last lines of the
    ---  run, because something was not done, or stays
    log = function(message, fields)
      log(sandbox, text(message), snapshot.take(fields, "log: the fields", where_of(sandbox)))
    end,

    --- Gives the run a result: a table (or text) printed at its end and `result` in --json. The last call counts.
    --- Either { columns = { names }, rows = { { name = value } … } }, with text = "…" to print instead of the table,
    --- or { checks = true } for the checks that the run made, with junit = FILE for a report in JUnit's format.
    --- With exit = 2 the run ends with exit code 2: something was found.
    ---@param given table columns, rows, text, checks, junit, exit
    output = function(given) output(sandbox, given) end,

    --- Waits. A plan does not.
    ---@param seconds number
    sleep = function(seconds)
      local run = sandbox:running("sleep")
      check_seconds(sandbox, "sleep", seconds)
      if seconds < SHORTEST_SLEEP then limits.count(run, "sleeps", 1, "more than %s sleeps shorter than 10 ms") end
      if run.mode ~= "plan" then sleep_in(run, seconds) end
      run.ctx:look_again()
    end,

    --- Calls fn(...); when it takes longer, cancels it and raises an error.
    ---@param seconds number
    ---@param fn function
    ---@param ... any arguments of fn
    ---@return any result what fn returned
    timeout = function(seconds, fn, ...)
      local run = sandbox:running("timeout")
      check_seconds(sandbox, "timeout", seconds)
      if run.tape then return run.tape:timeout(seconds, fn, ...) end
      return task.timeout(seconds, fn, ...)
    end,

    --- Calls fn(...) again and again until it returns something true; raises an error when the time is over.
    --- A plan that has changes does not wait: it gets nil at once.
    ---@param what string what is waited for, shown meanwhile
    ---@param seconds number longest wait
    ---@param fn fun(...): any, string? returns a result, or nil or false and the reason
    ---@param ... any arguments of fn
    ---@return any result
    wait_until = function(...) return wait_until(sandbox, ...) end,
  }
end

return M
