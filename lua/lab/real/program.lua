--- The programs of the real servers, as vendor/reference builds them, and their processes: they outlive the lab's own,
--- so a file has their number.

local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local user_folders = require "o2x.base.user_folders"

local M = {}

local STOP_TIMEOUT <const> = 10 -- seconds until a server is killed
local POLL <const> = 0.05 -- seconds
local POLL_TIMEOUT <const> = 5 -- seconds

--- The path of a server's program: one that vendor/reference built, or else the one on PATH.
---@param tool string as vendor/reference knows it
---@param name string
---@return string
function M.find(tool, name)
  local home = fs.join(user_folders.cache() or "/", "o2x/reference", tool)
  local path = fs.join(home, "bin", name)
  if fs.exists(fs.join(home, ".complete")) and fs.exists(path) then return path end
  local ok, found = pcall(proc.find, name)
  if ok then return found end
  errors.raise {
    kind = "input",
    module = "lab",
    message = ("%s is neither on PATH nor in %s"):format(name, fs.folder(path)),
    hint = ("vendor/reference %s (it takes some minutes, once)"):format(tool),
  }
end

--- Where a server keeps its things: { dir, pid, log, mark }. `mark` is an argument that only this process has.
---@param lab table
---@param name string
---@param mark string
---@return table at
function M.place(lab, name, mark)
  local dir = fs.join(lab.dir, name)
  return { name = name, dir = dir, mark = mark, pid = fs.join(dir, "pid"), log = fs.join(dir, "log") }
end

--- The number of the running process. A file that a crash left does not count.
---@param at table
---@return string?
function M.pid(at)
  local pid = (fs.read_if(at.pid) or ""):match "%d+"
  return pid and daemon.is_running(pid, at.mark) and pid or nil
end

--- Whether a server answers a request with 200.
---@param request table of http.request
---@return boolean
function M.answers(request)
  request.timeout = POLL_TIMEOUT
  local ok, answer = pcall(http.request, request)
  return ok and answer.status == 200
end

local function last_line(at) return (fs.read_if(at.log) or ""):match "([^\n]+)%s*$" or "no error was logged" end

local function fail(at, message)
  errors.raise { kind = "failed", module = "lab", message = ("%s %s"):format(at.name, message), where = at.log }
end

--- Starts a server and waits until it is ready.
---@param at table
---@param argv string[] at.mark among them
---@param ready fun(): boolean
---@param seconds number
function M.launch(at, argv, ready, seconds)
  local child <close> = proc.start { argv = argv, cwd = at.dir, log = at.log, detached = true }
  fs.write(at.pid, tostring(child:pid()), { mode = 0x180 })
  local deadline = task.now() + seconds
  repeat
    if child:status() then fail(at, "did not start: " .. last_line(at)) end
    if ready() then return end
    task.sleep(POLL)
  until task.now() > deadline
  fail(at, ("is not ready after %d s: %s"):format(seconds, last_line(at)))
end

local function signal(name, pid) proc.run { argv = { "sh", "-c", 'kill -s "$1" "$2"', "sh", name, pid } } end

local function wait_gone(at)
  local deadline = task.now() + STOP_TIMEOUT
  while M.pid(at) do
    if task.now() > deadline then return false end
    task.sleep(POLL)
  end
  return true
end

--- Stops a server, whoever started it. Its data stay.
---@param at table
function M.stop(at)
  for _, name in ipairs { "TERM", "KILL" } do
    local pid = M.pid(at)
    if not pid then return end
    signal(name, pid)
    if wait_gone(at) then return end
  end
  fail(at, "does not stop")
end

return M
