--- Structured concurrency: code reads as if it blocked, waits yield, and no task outlives the call that started it.

local core = require "o2x.core.task"
local event = require "o2x.core.event"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local script_order = require "o2x.base.script_order"
local program = require "o2x.core.program"

local M = {
  now = core.now,
  cancelled = core.cancelled,
  live = core.live,
  wait = core.wait,
}

-- A wait inside a plain coroutine would return to its resumer. Passing the host's tag up lets the wait reach the event
-- loop, so that generators can wait.
local tag = core.tag()
-- luacheck: globals coroutine.resume coroutine.wrap
local resume, yield = coroutine.resume, coroutine.yield

local function pump(co, ok, first, ...)
  if not ok or first ~= tag then return ok, first, ... end
  yield(tag)
  return pump(co, resume(co))
end

--- As in the Lua manual; a wait inside the coroutine reaches the loop.
---@param co thread
---@param ... any
---@return boolean ok
---@return any results
function coroutine.resume(co, ...) return pump(co, resume(co, ...)) end

--- As in the Lua manual; a wait inside the function reaches the loop.
---@param fn function
---@return function
function coroutine.wrap(fn)
  local co = coroutine.create(fn)
  local function results(ok, ...)
    if not ok then error((...), 0) end
    return ...
  end
  return function(...) return results(coroutine.resume(co, ...)) end
end

--- The running task's context; fields that it has not set are its parent's.
---@return table
function M.context() return core.context() end

local Handle = {}
Handle.__index = Handle

--- Has the task ended?
function Handle:done() return self.over end

--- Cancels the task: its next wait raises an error.
function Handle:cancel() self.task:cancel() end

--- Where the task waits, as a traceback; nil when it has ended.
---@return string?
function Handle:traceback() return self.task:traceback() end

--- Waits until the task has ended.
---@param seconds number?
---@param shielded boolean?
---@return boolean|nil true, or nil, "timeout", "timeout"
function Handle:wait(seconds, shielded)
  if self.over then return true end
  self.ended = self.ended or event.new()
  return core.wait(self.ended, seconds or math.huge, shielded)
end

--- What a task that has ended gave.
---@return boolean good
---@return any its first result, or its error
function Handle:outcome() return self.good, self.first end

--- Waits for the task and returns its results, or raises its error.
function Handle:join()
  self:wait()
  if not self.good then error(self.first, 0) end
  if self.more then return self.first, table.unpack(self.more, 1, self.more.n) end
  return self.first
end

-- Keeps what a task's function gave, or its error: mostly one value.
local function keep(handle, good, first, ...)
  handle.over, handle.good, handle.first = true, good, first
  if select("#", ...) > 0 then handle.more = table.pack(...) end
  if handle.ended then handle.ended:set() end
  if handle.on_end then handle.on_end(handle) end
end

local function run(handle, fn, ...) keep(handle, xpcall(fn, errors.handler, ...)) end

-- In a context: the metatable of its children's.
local CHILDREN <const> = {}

local function child_of(context)
  local meta = rawget(context, CHILDREN)
  if not meta then
    meta = { __index = context }
    context[CHILDREN] = meta
  end
  return setmetatable({}, meta)
end

--- Where the running task is in the order of its program, for what comes next. The same program gets the same places
--- in every run, whatever its tasks wait for: script_order.lua compares them.
---@return string
function M.place()
  local context = core.context()
  return script_order.of(context) .. script_order.part(script_order.count(context), 0)
end

local function start(group_number, branch, fn, ...)
  local context = child_of(core.context())
  context.group, context.branch = group_number, branch
  -- All its fields at once: a table that grows is made again.
  local handle = { context = context, task = false, over = false, good = false, first = nil, on_end = nil, index = nil }
  setmetatable(handle, Handle)
  handle.task = core.spawn(context, run, handle, fn, ...)
  return handle
end

--- Starts a task. The caller must wait for it; prefer parallel, each and timeout.
---@param fn function
---@param ... any arguments of fn
---@return table handle join, wait, cancel, done
function M.spawn(fn, ...) return start(script_order.count(core.context()), 0, fn, ...) end

--- Sleeps.
---@param seconds number
function M.sleep(seconds)
  local timer <close> = event.timer(seconds)
  core.wait(timer, math.huge)
end

--- Waits for a native operation, closes it, and gives its result.
---@param op userdata
---@param seconds number
---@return any result nil, a message and a code if it has none in time
function M.result(op, seconds)
  local _op <close> = op
  local ok, message, code = core.wait(op, seconds)
  if not ok then return nil, message, code end
  return op:result()
end

--- Runs fn with a field of the task's context set, and sets it back however fn ends.
---@param field string
---@param value any
---@param fn function
---@param ... any arguments of fn
---@return any its results
function M.within(field, value, fn, ...)
  local context = core.context()
  local old = rawget(context, field)
  local _restore <close> = defer(function() context[field] = old end)
  context[field] = value
  return fn(...)
end

--- Waits until a descriptor is ready.
---@param fd integer
---@param events "r"|"w"|"rw"
---@param seconds number?
---@return string|nil what is ready: "r", "w" or "rw"; or nil, message, code
function M.wait_fd(fd, events, seconds)
  local op, message, code = event.fd(fd, events)
  if not op then return nil, message, code end
  local watch <close> = op
  local ok
  ok, message, code = core.wait(watch, seconds)
  if not ok then return nil, message, code end
  return ({ "r", "w", "rw" })[watch:seen()]
end

local function stop(handles)
  for _, handle in ipairs(handles) do
    handle:cancel()
  end
  for _, handle in ipairs(handles) do
    handle:wait(nil, true)
  end
end

--- Runs fn with a time limit. What it was trying again, by retry.lua, when the time was over is in the error.
---@param seconds number
---@param fn function
---@param ... any arguments of fn
---@return any its results; raises an error of kind "timeout"
function M.timeout(seconds, fn, ...)
  local handle, pausing = M.spawn(fn, ...), {}
  handle.context.pausing = pausing
  local ok, ended = pcall(handle.wait, handle, seconds)
  if not handle.over then stop { handle } end
  if not ok then error(ended, 0) end
  if not ended and not handle.good and handle.first == errors.cancelled then
    local why = pausing.why
    errors.raise {
      kind = "timeout",
      message = ("took longer than %g s%s"):format(seconds, why and ": " .. tostring(why) or ""),
      hint = why and why.hint,
      why = why,
    }
  end
  return handle:join()
end

local function in_order(live)
  local handles = {}
  for handle in pairs(live) do
    handles[#handles + 1] = handle
  end
  table.sort(handles, function(one, other) return one.index < other.index end)
  return handles
end

-- Runs begin(number of the group, i) for i in 1..count, at most `limit` at a time, and returns the first result of
-- each. The first error cancels the others and is raised after all have ended. A task that has ended leaves its result
-- only.
local function group(count, limit, begin)
  local number = script_order.count(core.context())
  local changed = event.new()
  local live, results, failed = {}, {}, nil
  local running, next_index, woken = 0, 1, false
  local function on_end(handle)
    running = running - 1
    live[handle] = nil
    results[handle.index] = handle.first
    if not handle.good and not failed then failed = handle.first end
    if not woken then changed:set() end
    woken = true
  end
  local ok, cancelled = pcall(function()
    while not failed and (running > 0 or next_index <= count) do
      while running < limit and next_index <= count do
        local handle = begin(number, next_index)
        handle.on_end, handle.index = on_end, next_index
        live[handle] = true
        running, next_index = running + 1, next_index + 1
      end
      core.wait(changed, math.huge)
      changed:clear()
      woken = false
    end
  end)
  stop(in_order(live))
  if failed then error(failed, 0) end
  if not ok then error(cancelled, 0) end
  return results
end

local function is_before(a, b)
  if type(a) == "number" and type(b) == "number" then return a < b end
  return tostring(a) < tostring(b)
end

--- Runs functions concurrently. They start in the order of their keys.
---@param functions table<any, function>
---@param limit integer? how many at a time, all if absent
---@return table results the first result of each, under its key
function M.parallel(functions, limit)
  local keys = {}
  for key in pairs(functions) do
    keys[#keys + 1] = key
  end
  table.sort(keys, is_before)
  local got = group(#keys, limit or #keys, function(number, i) return start(number, i, functions[keys[i]]) end)
  local results = {}
  for i, key in ipairs(keys) do
    results[key] = got[i]
  end
  return results
end

--- Runs fn for each item of a list concurrently.
---@param list any[]
---@param fn fun(item: any, index: integer): any
---@param options {limit: integer}? how many at a time, all if absent
---@return any[] results in the list's order
function M.each(list, fn, options)
  local limit = options and options.limit or math.max(#list, 1)
  return group(#list, limit, function(number, i) return start(number, i, fn, list[i], i) end)
end

--- A new event with set() and clear(); wait for it with task.wait.
M.event = event.new

--- An event for a signal: "INT", "TERM", "QUIT", "HUP", "USR1", "WINCH".
M.signal = event.signal

--- The root task: runs the program and sets its exit code from the result.
---@param entry function
---@param arguments string[] as in C: 0 is the program
function M.main(entry, arguments)
  local ok, result = xpcall(entry, errors.handler, table.unpack(arguments))
  if ok then
    program.exit_code(math.type(result) == "integer" and result or 0)
    return
  end
  require("o2x.base.sink").lines("stderr", "o2x: " .. (result.traceback or tostring(result)))
  program.exit_code(errors.exit_code(result))
end

return M
