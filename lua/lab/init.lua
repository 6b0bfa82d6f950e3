--- The lab: the platform in miniature on this machine. `up` starts a process of its own (`serve`), the other commands
--- talk to it. Everything is below one folder; two labs in two folders know nothing of each other.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local lock = require "o2x.core.lock"
local proc = require "o2x.base.proc"
local project = require "o2x.project.project"
local task = require "o2x.base.task"

local M = {}

local START <const> = 90 -- seconds a lab may take to be ready, on a slow machine
local STOP <const> = 20 -- seconds until it is ended the hard way
local POLL <const> = 0.05

local function fail(message, hint, where)
  errors.raise { kind = "failed", module = "lab", message = message, hint = hint, where = where }
end

local function absolute(path) return path:sub(1, 1) == "/" and path or fs.join(fs.cwd(), path) end

-- The example tree: the checkout's, or the one that was installed beside the program.
local function example_tree(root)
  local tree = fs.join(root, "examples/platform")
  if fs.is_folder(tree) then return tree end
  local prefix = fs.folder(fs.folder(fs.realpath "/proc/self/exe"))
  return fs.join(prefix, "share/o2x/examples/platform")
end

-- Beside the project's run store; outside of any project here.
local function home()
  local ok, found = pcall(project.find)
  if ok then return found.root, fs.folder(found.state) end
  return fs.cwd(), fs.join(fs.cwd(), ".o2x")
end

--- Where a lab is and what it is made from.
---@param options { dir: string?, platform: string? }
---@return { dir: string, platform: string, root: string }
function M.place(options)
  local root, dot = home()
  local dir = options.dir or os.getenv "O2X_LAB_DIR"
  return {
    root = root,
    dir = dir and absolute(dir) or fs.join(dot, "lab"),
    platform = options.platform and absolute(options.platform) or example_tree(root),
  }
end

-- Who holds the lock of the serving process: its pid, or nil. Looking means trying to take it, so whoever else looks at
-- the same moment is met as a holder without words.
local function holder(path)
  for _ = 1, 100 do
    local held, words = lock.take(path, "")
    if held then
      held:close()
      return nil
    end
    if words ~= "" then return words end
    task.sleep(0.01)
  end
end

-- What the serving process says of itself: { pid, env, servers }; nil when none serves.
local function running(place)
  local path = fs.join(place.dir, "serve.lock")
  local words = fs.exists(path) and holder(path)
  if not words then return nil end
  local text = fs.read_if(fs.join(place.dir, "lab.json"))
  local lab = text and json.decode(text, "lab.json") or {}
  lab.ready = lab.pid ~= nil and lab.pid == tonumber(words)
  lab.pid = tonumber(words)
  return lab
end

local function need(place)
  local lab = running(place)
  if lab and lab.ready then return lab end
  local message = ("the lab in %s is not up"):format(place.dir)
  errors.raise { kind = "unreachable", module = "lab", message = message, hint = "o2x lab up" }
end

-- The last complaint of a process that did not become ready.
local function start_problem(place)
  local path, found = fs.join(place.dir, "lab.log"), nil
  for line in (fs.read_if(path) or ""):gmatch "[^\n]+" do
    found = line:match "^o2x: (.*)" or found
  end
  fail("the lab did not start: " .. (found or "it left no word"), "the log tells more", path)
end

local function start(place)
  local program = fs.realpath "/proc/self/exe"
  local child = proc.start {
    argv = { program, "serve", "--dir", place.dir, "--platform", place.platform },
    cwd = place.root,
    detached = true,
    log = fs.join(place.dir, "lab.log"),
  }
  local deadline = task.now() + START
  repeat
    task.sleep(POLL)
    local lab = running(place)
    if lab and lab.ready then return lab end
    if child:status() and not lab then start_problem(place) end
  until task.now() > deadline
  fail(("the lab is not ready after %d s"):format(START), "o2x lab down, then again", fs.join(place.dir, "lab.log"))
end

--- Starts the lab, unless it is up.
---@param options { dir: string?, platform: string?, on_start: fun(dir: string)? }
---@return { pid: integer, env: table, servers: table, started: boolean }
function M.up(options)
  local place = M.place(options)
  fs.mkdir(place.dir, 0x1c0)
  local deadline = task.now() + START
  local one
  -- Two at once: the second waits for the first and finds the lab up.
  repeat
    one = lock.take(fs.join(place.dir, "up.lock"), "")
    if not one then task.sleep(POLL) end
  until one or task.now() > deadline
  if not one then fail("another 'o2x lab up' is still at work in " .. place.dir) end
  local lab = running(place)
  if lab and not lab.ready then
    fail(("the lab in %s is just stopping or starting"):format(place.dir), "try again in a moment")
  end
  local started = lab == nil
  if started and options.on_start then options.on_start(place.dir) end
  lab = lab or start(place)
  one:close()
  lab.started, lab.dir = started, place.dir
  return lab
end

local function signal(name, pid) proc.run { argv = { "sh", "-c", 'kill -s "$1" "$2"', "sh", name, tostring(pid) } } end

-- A zombie, which nobody may ever collect in a container, is no more.
local function alive(pid)
  local stat = fs.read_if(("/proc/%d/stat"):format(pid))
  return stat ~= nil and stat:match "%) (%a)" ~= "Z"
end

local function wait_gone(pid, seconds)
  local deadline = task.now() + seconds
  while alive(pid) do
    if task.now() > deadline then return false end
    task.sleep(POLL)
  end
  return true
end

--- Stops the lab and everything it started; what it holds stays on disk.
---@param options { dir: string? }
---@return boolean was it up
function M.down(options)
  local place = M.place(options)
  local lab = running(place)
  if lab then
    signal("TERM", lab.pid)
    if not wait_gone(lab.pid, STOP) then
      signal("KILL", lab.pid)
      if not wait_gone(lab.pid, STOP) then fail(("process %d does not end"):format(lab.pid)) end
    end
  end
  -- Servers of a lab that was killed go on without it.
  if fs.exists(fs.join(place.dir, "ports.json")) then
    require("lab.serve").sweep(require("lab.context").new(place.dir))
  end
  return lab ~= nil
end

--- Back to the first state: everything is forgotten but the ports and the certificates.
---@param options { dir: string?, platform: string? }
---@return table? lab when it was up, and so is again
function M.reset(options)
  local place = M.place(options)
  local was_up = M.down(options)
  if fs.exists(place.dir) then require("lab.serve").forget(place) end
  return was_up and M.up(options) or nil
end

--- The variables that make the ordinary clients, and o2x, talk to the lab.
---@param options { dir: string? }
---@return table<string, string>
function M.env(options) return need(M.place(options)).env end

--- What runs, and where.
---@param options { dir: string? }
---@return { up: boolean, dir: string, pid: integer?, servers: table? }
function M.status(options)
  local place = M.place(options)
  local lab = running(place) or {}
  return { up = lab.ready or false, dir = place.dir, pid = lab.pid, servers = lab.servers }
end

-- The lab's own door, for whoever may read lab.json.
local function ask(lab, path, body)
  local http = require "o2x.client.http"
  local response = http.request {
    method = "POST",
    url = lab.control.url .. path,
    json = body,
    timeout = 30,
    headers = { Authorization = "Bearer " .. lab.control.token },
  }
  local answer = json.decode(response.body, "lab")
  if response.status ~= 200 then errors.input(answer.message, answer.hint) end
  return answer
end

--- Injects a fault, takes the faults of a service back (kind "off"), or lists them (no service).
---@param options { dir: string?, service: string?, kind: string?, times: string?, match: string?, seconds: string? }
---@return table[] rules that are in force
function M.fault(options)
  local lab = need(M.place(options))
  return ask(lab, "/fault", {
    service = options.service,
    kind = options.kind,
    times = options.times,
    match = options.match,
    seconds = options.seconds,
  }).rules
end

--- Moves the lab's clock on.
---@param options { dir: string?, seconds: number }
---@return string the lab's time now
function M.advance_clock(options)
  local lab = need(M.place(options))
  return clock.iso(ask(lab, "/advance-clock", { seconds = options.seconds }).now)
end

return M
