--- Runs programs: argument arrays, an explicit environment, bounded and streamed output, a deadline.

local core = require "o2x.core.subprocess"
local core_fs = require "o2x.core.fs"
local errors = require "o2x.base.error"
local lease = require "o2x.base.lease"
local points = require "o2x.base.points"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"
local user_folders = require "o2x.base.user_folders"

local M = {}

local SIGTERM, SIGKILL = 15, 9
local DEFAULT <const> = 300 -- seconds for a program
local GRACE = 5 -- seconds between SIGTERM and SIGKILL
local MAX_OUTPUT = 16 * 1024 * 1024

-- The variables that a child inherits: paths, locale, how to reach the network; no credentials of systems.
local INHERITED = {
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "TMPDIR",
  "TZ",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "ALL_PROXY",
  "all_proxy",
  "NO_PROXY",
  "no_proxy",
  "O2X_COMMAND", -- how messages name o2x, in its children too
}

local INSTALL_HINT = {
  helm = "run vendor/bootstrap",
  kubectl = "run vendor/bootstrap",
  pg_dump = "install postgresql-client",
  pg_restore = "install postgresql-client",
}

---@class o2x.proc.options
---@field argv string[] program (a name looked up in PATH, or a path with a slash) and its arguments; never a secret
---@field env table<string, string>? added to the few variables that every child gets
---@field cwd string?
---@field stdin string|userdata|nil|fun(): string text or secret; nil: empty; a function may wait for it, until on_end
---@field on_end fun()? called when the program has exited (only `run`)
---@field timeout number? seconds until the group gets SIGTERM, and 5 s later SIGKILL; default 300
---@field grows { path: string, seconds: number }? a file that it writes: it is stopped when that has not grown for so
---  long (only `run`)
---@field on_line fun(line: string, stream: "stdout"|"stderr")? called for each line as it comes
---@field writes boolean? it writes to a system: it is stopped where its run loses the tenant (only `run`)
---@field max_output integer? bytes of a stream that may be kept; more ends the child
---@field keep boolean? false: standard output goes to on_line only, however much it is
---@field log string? file that takes both outputs (only `start`)
---@field detached boolean? a session of its own, outlives us (only `start`)

local function fail(kind, op, message, more)
  local e = more or {}
  e.kind, e.module, e.op, e.message = kind, "proc", op, message
  errors.raise(e)
end

local function environment(extra)
  local variables = {}
  for _, name in ipairs(INHERITED) do
    local value = not (extra and extra[name]) and os.getenv(name)
    if value then variables[#variables + 1] = name .. "=" .. value end
  end
  for _, name in ipairs(sorted_keys(extra or {})) do
    if type(extra[name]) ~= "string" then
      fail("bug", "start", ("environment variable %s is a %s, not a string"):format(name, type(extra[name])))
    end
    variables[#variables + 1] = name .. "=" .. extra[name]
  end
  return variables
end

-- vendor/bootstrap installs here, so that it needs no root.
local function find_in_cache(name)
  local cache = user_folders.cache()
  return cache and not name:find("/", 1, true) and core.which(cache .. "/o2x/bin/" .. name) or nil
end

--- Finds a program in PATH, then among those that vendor/bootstrap built; raises an error if it is missing.
---@param name string
---@return string path
function M.find(name)
  local path = core.which(name) or find_in_cache(name)
  if path then return path end
  fail(
    "failed",
    "find",
    name .. (name:find("/", 1, true) and " is not an executable file" or " is not on PATH"),
    { code = "missing", hint = INSTALL_HINT[name] or ("install " .. name) }
  )
end

--- Is a program installed?
---@param name string
---@return boolean
function M.exists(name) return (core.which(name) or find_in_cache(name)) ~= nil end

-- The name of a point: what the program does, and with what. Arguments hold no secret.
local function called(argv) return table.concat(argv, " ", 1, math.min(#argv, 3)) end

--- Starts a program without waiting for it. The child (`pid kill status close`, `wait` below) and its process group are
--- killed when it is closed or collected, and when this process dies, unless it is detached.
---@param o o2x.proc.options
---@return userdata child
function M.start(o)
  local name = o.argv[1]
  points.before("child", called(o.argv), true)
  local child, message, code = core.spawn {
    path = M.find(o.argv[1]),
    argv = o.argv,
    env = environment(o.env),
    cwd = o.cwd,
    feed = o.stdin ~= nil,
    log = o.log,
    detached = o.detached,
  }
  if not child then fail("failed", "start", "cannot start " .. name .. ": " .. message, { code = code }) end
  points.after("child", called(o.argv), true, child)
  return child
end

--- Waits until a started child exits.
---@param child userdata
---@param seconds number?
---@return integer? code exit code, nil if a signal killed it (or after "timeout")
---@return integer|string|nil signal the signal, or "timeout" if it is still running
function M.wait(child, seconds)
  local deadline, pause = task.now() + (seconds or DEFAULT), 0.001
  while true do
    local ended, code, signal = child:status()
    if ended then return code, signal end
    if not task.wait_fd(child:fd "exit", "r", deadline - task.now()) then return nil, "timeout" end
    ended, code, signal = child:status()
    if ended then return code, signal end
    -- It has ended, but a tracer (strace -f, a debugger) has not let go of it: until then nobody is told how.
    if task.now() > deadline then return nil, "timeout" end
    task.sleep(pause)
    pause = math.min(pause * 2, 0.1)
  end
end

--- Stops a child and its process group: SIGTERM, then SIGKILL after 5 s.
---@param child userdata
---@param grace number? seconds
function M.stop(child, grace)
  child:kill(SIGTERM)
  local _, signal = M.wait(child, grace or GRACE)
  if signal == "timeout" then
    child:kill(SIGKILL)
    M.wait(child)
  end
end

local function feed(child, input)
  local at, done = 1, false
  repeat
    local next_at, more = child:write(input, at)
    if next_at then
      at, done = next_at, more
    elseif more == "again" then
      task.wait_fd(child:fd "stdin", "w", math.huge)
    else
      fail("failed", "write", more)
    end
  until done
  child:finish_input()
end

local function too_long(o, what, limit, stream)
  fail("failed", "read", ("%s wrote %smore than %d bytes to %s"):format(o.argv[1], what, limit, stream), {
    code = "too_long",
  })
end

-- Calls on_line for each complete line, and at the end for an unterminated one.
local function line_splitter(o, stream, limit)
  local rest, on_line = "", o.on_line
  return function(bytes)
    if bytes == "" then
      if rest ~= "" then on_line(rest, stream) end
      return
    end
    local from, stop = 1, bytes:find("\n", 1, true)
    stop = stop and stop + #rest -- what was held has no line end
    bytes = rest .. bytes
    while stop do
      on_line(bytes:sub(from, stop - 1), stream)
      from = stop + 1
      stop = bytes:find("\n", from, true)
    end
    rest = bytes:sub(from)
    if #rest > limit then too_long(o, "a line of ", limit, stream) end
  end
end

local function collect(child, stream, o)
  local parts, size = {}, 0
  local limit = o.max_output or MAX_OUTPUT
  local split = o.on_line and line_splitter(o, stream, limit)
  while true do
    local bytes, why = child:read(stream)
    if bytes then
      if split then split(bytes) end
      if bytes == "" then return table.concat(parts) end
      if o.keep ~= false or stream ~= "stdout" then
        size = size + #bytes
        if size > limit then too_long(o, "", limit, stream) end
        parts[#parts + 1] = bytes
      end
    elseif why == "again" then
      task.wait_fd(child:fd(stream), "r", math.huge)
    else
      fail("failed", "read", why)
    end
  end
end

local function wait_for(child, o) return M.wait(child, o.timeout) end

local function size_of(path)
  local found = core_fs.stat(path)
  return found and found.size or 0
end

local LOOKS <const> = 10 -- at a file, in the time in which it must have grown

-- As M.wait, but a program that waits for a silent server is not waited for until the deadline.
local function wait_while_it_grows(child, o)
  local deadline, size, grown = task.now() + (o.timeout or DEFAULT), nil, task.now()
  repeat
    local now = size_of(o.grows.path)
    if now ~= size then
      size, grown = now, task.now()
    end
    local silent = task.now() - grown
    if silent >= o.grows.seconds then return nil, "timeout", o.grows.seconds end
    local next_look = math.min(o.grows.seconds / LOOKS, o.grows.seconds - silent, deadline - task.now())
    local code, signal = M.wait(child, next_look)
    if signal ~= "timeout" then return code, signal end
  until task.now() >= deadline
  return nil, "timeout"
end

local function await(child, o)
  local code, signal, silent = (o.grows and wait_while_it_grows or wait_for)(child, o)
  if signal == "timeout" then M.stop(child) end
  points.after("child", called(o.argv) .. " ended", true, child)
  if o.on_end then o.on_end() end
  if signal == "timeout" then return { timed_out = true, silent = silent } end
  return { code = code, signal = signal }
end

--- Runs a program until it exits. A non-zero exit code is a result, not an error; a missing program, a missed deadline
--- and too much output are errors.
---@param o o2x.proc.options
---@return { code: integer?, signal: integer?, stdout: string, stderr: string }
function M.run(o)
  local child <close> = M.start(o)
  local watch <close> = o.writes and lease.watch(o.argv[1], function() M.stop(child) end) or nil
  local work = {
    stdout = function() return collect(child, "stdout", o) end,
    stderr = function() return collect(child, "stderr", o) end,
    ended = function() return await(child, o) end,
  }
  if o.stdin ~= nil then
    work.stdin = function() feed(child, type(o.stdin) == "function" and o.stdin() or o.stdin) end
  end
  local got = task.parallel(work)
  if watch then watch:check() end
  if got.ended.timed_out then
    local why = got.ended.silent and ("has written nothing for %g s"):format(got.ended.silent)
      or ("did not exit within %g s"):format(o.timeout or DEFAULT)
    fail(
      "timeout",
      "run",
      ("%s %s and was stopped"):format(o.argv[1], why),
      { code = "stopped", cause = got.stderr:match("([^\n]+)%s*$") } -- what it wrote, it may have written
    )
  end
  return { code = got.ended.code, signal = got.ended.signal, stdout = got.stdout, stderr = got.stderr }
end

return M
