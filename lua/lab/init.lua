--- The lab: the platform in miniature on this machine. `up` starts a background process (lab.serve), the other commands
--- talk to it. Everything is kept in one folder; two labs in two folders are independent.

local alike = require "lab.alike"
local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local lock = require "o2x.core.lock"
local proc = require "o2x.base.proc"
local project = require "o2x.project.project"
local real = require "lab.real"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"

local M = {}

local TREE <const> = "examples/platform"
local START_TIMEOUT <const> = 90 -- seconds until ready, on a slow machine
local STOP_TIMEOUT <const> = 20 -- seconds until the process is killed
local COPY_TIMEOUT <const> = 1800 -- seconds, for thousands of copies
local POLL <const> = 0.05 -- seconds
local PAGE <const> = 4096 -- bytes

local function fail(message, hint, where)
  errors.raise { kind = "failed", module = "lab", message = message, hint = hint, where = where }
end

local function absolute(path) return path:sub(1, 1) == "/" and path or fs.join(fs.cwd(), path) end

-- The example platform tree: the project's, the installed one, or that of the checkout that the program lies in.
local function example_tree(root)
  local prefix = fs.folder(fs.folder(fs.program()))
  local trees = { fs.join(root, TREE), fs.join(prefix, "share/o2x", TREE), fs.join(prefix, TREE) }
  for _, tree in ipairs(trees) do
    if fs.is_folder(tree) then return tree end
  end
  return trees[1]
end

-- The project's root and the folder of its run store; outside of a project, the current folder and its .o2x.
local function home()
  local ok, found = pcall(project.find)
  if ok then return found.root, fs.folder(found.state) end
  return fs.cwd(), fs.join(fs.cwd(), ".o2x")
end

--- Where a lab is kept and which platform tree it copies.
---@param options { dir: string?, platform: string?, memory: boolean?, owner: string?, tenants: string?, real: string? }
---@return { dir: string, platform: string, root: string, memory: boolean?, owner: string?, tenants: string[],
---  real: string[]? }
function M.place(options)
  local root, dot = home()
  local own = options.memory or options.owner -- a program's own lab: of simulators
  local dir = options.dir or os.getenv "O2X_LAB_DIR"
  local platform = options.platform and absolute(options.platform) or example_tree(root)
  return {
    root = root,
    dir = dir and absolute(dir) or fs.join(dot, "lab"),
    platform = platform,
    memory = options.memory,
    owner = options.owner,
    tenants = alike.names(platform, options.tenants),
    real = real.names(options.real or not own and os.getenv "O2X_LAB_REAL" or nil),
  }
end

-- The pid of the process that holds the lock, or nil. The check takes the lock for a moment, so another process that
-- checks at the same time appears as a holder without a pid.
local function lock_holder(path)
  for _ = 1, 100 do
    local taken, pid = lock.take(path, "")
    if taken then
      taken:close()
      return nil
    end
    if pid ~= "" then return pid end
    task.sleep(0.01)
  end
end

-- The running lab as its lab.json describes it: { pid, env, servers, ready }; nil if no lab is running.
local function running(place)
  local path = fs.join(place.dir, "serve.lock")
  local pid = fs.exists(path) and lock_holder(path)
  if not pid then return nil end
  local text = fs.read_if(fs.join(place.dir, "lab.json"))
  local lab = text and json.decode(text, "lab.json") or {}
  lab.ready = lab.pid ~= nil and lab.pid == tonumber(pid)
  lab.pid = tonumber(pid)
  return lab
end

-- The running lab; an error if it is not up.
local function require_up(place)
  local lab = running(place)
  if lab and lab.ready then return lab end
  local message = ("the lab in %s is not up"):format(place.dir)
  errors.raise { kind = "unreachable", module = "lab", message = message, hint = "o2x lab up" }
end

-- A disk that is full has no room for the log either.
local function check_room(place)
  local path = fs.join(place.dir, "room")
  local ok, problem = pcall(fs.write, path, ("\n"):rep(PAGE), { durable = false })
  pcall(fs.remove, path)
  if not ok then fail("the lab did not start: " .. tostring(problem), problem.hint) end
end

-- Fails with the last error that the process logged before it ended, and its hint.
local function start_problem(place)
  local path, found, hint = fs.join(place.dir, "lab.log"), nil, nil
  for line in (fs.read_if(path) or ""):gmatch "[^\n]+" do
    local problem = line:match "^o2x: (.*)"
    if problem then
      found, hint = problem, nil
    elseif found then
      hint = hint or line:match "^     (%S.*)"
    end
  end
  if not found then check_room(place) end
  fail("the lab did not start: " .. (found or "no error was logged"), hint or "read the log", path)
end

-- A lab that works for a process is not started for one that has ended: nobody would take it down.
local function check_owner(place)
  if not place.owner or fs.exists("/proc/" .. place.owner) then return end
  fail(("process %s, which the lab is for, has ended"):format(place.owner))
end

local function start(place)
  local program = fs.program()
  local argv = { program, "serve", "--dir", place.dir, "--platform", place.platform }
  if place.memory then argv[#argv + 1] = "--memory" end
  if place.owner then argv[#argv + 1] = "--owner=" .. place.owner end
  if place.tenants[1] then argv[#argv + 1] = "--tenants=" .. table.concat(place.tenants, ",") end
  if place.real then argv[#argv + 1] = "--real=" .. table.concat(place.real, ",") end
  local child = proc.start {
    argv = argv,
    cwd = place.root,
    detached = true,
    log = fs.join(place.dir, "lab.log"),
    env = { XDG_CACHE_HOME = os.getenv "XDG_CACHE_HOME" }, -- the real servers' programs are there
  }
  local deadline = task.now() + START_TIMEOUT
  repeat
    task.sleep(POLL)
    local lab = running(place)
    if lab and lab.ready then return lab end
    if child:status() and not lab then start_problem(place) end
    if lab then check_owner(place) end
  until task.now() > deadline
  fail(
    ("the lab is not ready after %d s"):format(START_TIMEOUT),
    "o2x lab down && o2x lab up",
    fs.join(place.dir, "lab.log")
  )
end

-- A lab is seeded once: tenants that are asked for later would meet what was done in it since.
local function check_tenants(place, lab)
  local text = not lab and fs.read_if(fs.join(place.dir, "state/seed.json"))
  local seeded = lab or text and json.decode(text, "seed.json") or {}
  if not lab and not seeded.done then return end
  local has = {}
  for _, name in ipairs(seeded.tenants or {}) do
    has[name] = true
  end
  for _, name in ipairs(place.tenants) do
    if not has[name] then
      errors.input(
        ("the lab in %s was seeded without the tenant %s"):format(place.dir, name),
        "o2x lab remove && o2x lab up --tenants=" .. table.concat(place.tenants, ",")
      )
    end
  end
end

-- The data are in the servers, so a lab keeps the kind of its servers.
local function check_real(place, lab)
  if not place.real then return end
  local other = place.memory and "--memory" or place.tenants[1] and "--tenants"
  if other and place.real[1] then
    errors.input(("lab up: %s needs simulators, so it goes with no --real"):format(other), "leave one of them out")
  end
  if not lab and not fs.exists(fs.join(place.dir, "state/seed.json")) then return end
  local wanted, has = table.concat(place.real, ","), table.concat(sorted_keys(real.of(place.dir)), ",")
  if wanted == has then return end
  errors.input(
    ("the lab in %s was made with %s"):format(place.dir, has == "" and "simulators alone" or "--real=" .. has),
    ("o2x lab remove && o2x lab up --real=%s"):format(wanted)
  )
end

-- Of two concurrent calls, the second waits for the first and finds the lab up, or gone.
local function take_up_lock(place)
  local deadline = task.now() + START_TIMEOUT
  repeat
    local taken = lock.take(fs.join(place.dir, "up.lock"), "")
    if taken then return taken end
    task.sleep(POLL)
  until task.now() > deadline
  fail("another 'o2x lab up' is still running in " .. place.dir, "try again in a moment")
end

-- A folder with other files does not become a lab: a lab's files are removed with all that lies beside them.
local function is_lab(dir)
  return fs.exists(fs.join(dir, "up.lock")) or fs.exists(fs.join(dir, "serve.lock")) or #fs.list(dir) == 0
end

local function check_folder(place)
  if not fs.exists(place.dir) or is_lab(place.dir) then return end
  errors.input(
    "lab up: there are other files in " .. place.dir,
    "choose a new or empty folder: o2x lab up --dir=FOLDER"
  )
end

--- Starts the lab unless it is up, and waits until it is ready.
---@param options { dir: string?, platform: string?, memory: boolean?, owner: string?, tenants: string?, real: string?,
---  on_start: fun(dir: string)? } tenants: those to seed whole, at the first start; real: servers
---@return { pid: integer, env: table, servers: table, started: boolean }
function M.up(options)
  local place = M.place(options)
  check_owner(place)
  check_folder(place)
  fs.mkdir(place.dir, 0x1c0)
  local up_lock = take_up_lock(place)
  check_owner(place)
  local lab = running(place)
  if lab and not lab.ready then
    fail(("the lab in %s is starting or stopping"):format(place.dir), "try again in a moment")
  end
  check_tenants(place, lab)
  check_real(place, lab)
  local started = lab == nil
  if started and options.on_start then options.on_start(place.dir) end
  lab = lab or start(place)
  up_lock:close()
  lab.started, lab.dir = started, place.dir
  return lab
end

local function signal(name, pid) proc.run { argv = { "sh", "-c", 'kill -s "$1" "$2"', "sh", name, tostring(pid) } } end

-- A zombie counts as ended: in a container it may never be reaped.
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

-- A request to the lab's control server (lab.control). Its token is in lab.json.
local function control_request(lab, path, body, seconds)
  local http = require "o2x.client.http"
  local response = http.request {
    method = "POST",
    url = lab.control.url .. path,
    json = body,
    timeout = seconds or 30,
    headers = { Authorization = "Bearer " .. lab.control.token },
  }
  local answer = json.decode(response.body, "lab")
  if response.status ~= 200 then
    errors.raise { kind = answer.kind or "input", module = "lab", message = answer.message, hint = answer.hint }
  end
  return answer
end

-- What the lab has in memory goes to disk before it ends: where that is not possible, it stays up and loses nothing.
-- One that does not answer is stopped all the same.
local function save(lab)
  local ok, problem = pcall(control_request, lab, "/save", {}, STOP_TIMEOUT)
  if ok or not fs.hint_for(tostring(problem)) then return end
  fail("the lab stays up, because its data cannot be written: " .. tostring(problem), problem.hint)
end

--- Stops the lab and everything it started. Its data stay on disk.
---@param options { dir: string?, forget: boolean? } forget: its data go as well
---@return boolean was it up
function M.down(options)
  local place = M.place(options)
  local lab = running(place)
  if lab and lab.ready and not options.forget then save(lab) end
  if lab then
    signal("TERM", lab.pid)
    if not wait_gone(lab.pid, STOP_TIMEOUT) then
      signal("KILL", lab.pid)
      if not wait_gone(lab.pid, STOP_TIMEOUT) then fail(("process %d does not end"):format(lab.pid)) end
    end
  end
  -- The servers of a killed lab are still running.
  if fs.exists(fs.join(place.dir, "ports.json")) then
    require("lab.serve").sweep(require("lab.context").new(place.dir))
  end
  return lab ~= nil
end

-- What a lab that is up is started with after a reset: unless others are named, the tenants that it was seeded with.
-- Real servers have none of these.
local function options_again(options, place)
  local lab = running(place)
  local seeded = lab and lab.tenants or {}
  local simulated = not (place.real and place.real[1])
  local again = { tenants = simulated and seeded[1] and table.concat(seeded, ",") or nil }
  for name, value in pairs(options) do
    again[name] = value
  end
  return again
end

--- Resets the lab to its initial state: removes all data except the ports and the certificates. One that is up is
--- seeded with the tenants that it had, or that are named.
---@param options { dir: string?, platform: string?, tenants: string? }
---@return table? lab when it was up, and so is again
function M.reset(options)
  local again = options_again(options, M.place(options))
  local place = M.place(again) -- a platform tree without these tenants is refused before anything is removed
  local was_up = M.down { dir = options.dir, forget = true }
  if fs.exists(place.dir) then require("lab.serve").forget(place) end
  return was_up and M.up(again) or nil
end

--- Stops the lab and removes it with its folder. A start that is under way ends first.
---@param options { dir: string? }
---@return boolean was there a lab
function M.remove(options)
  local place = M.place(options)
  if not fs.exists(place.dir) then return false end
  if not is_lab(place.dir) then
    errors.input("lab remove: there is no lab in " .. place.dir, "o2x lab remove --dir=FOLDER")
  end
  local up_lock = take_up_lock(place)
  M.down { dir = options.dir, forget = true }
  require("lab.serve").forget(place, { ["up.lock"] = true }) -- by which what is left of it is still known for a lab
  fs.remove_tree(place.dir)
  up_lock:close()
  return true
end

--- The environment variables that point the usual clients and o2x to the lab.
---@param options { dir: string? }
---@return table<string, string>
function M.env(options) return require_up(M.place(options)).env end

--- Whether the lab is up, and the address of each server.
---@param options { dir: string? }
---@return { up: boolean, dir: string, pid: integer?, servers: table? }
function M.status(options)
  local place = M.place(options)
  local lab = running(place) or {}
  return { up = lab.ready or false, dir = place.dir, pid = lab.pid, servers = lab.servers }
end

--- Injects a fault, clears the faults of a service (kind "off"), or lists all faults (no service).
---@param options { dir: string?, service: string?, kind: string?, times: string?, nth: string?, match: string?,
---  seconds: string? }
---@return table[] rules the active faults
function M.fault(options)
  local lab = require_up(M.place(options))
  return control_request(lab, "/fault", {
    service = options.service,
    kind = options.kind,
    times = options.times,
    nth = options.nth,
    match = options.match,
    seconds = options.seconds,
  }).rules
end

--- How often each server was asked for what, since the lab started.
---@param options { dir: string? }
---@return table<string, integer> requests by "SERVICE METHOD PATH"
function M.requests(options) return control_request(require_up(M.place(options)), "/requests", {}).requests end

--- Copies a tenant that is onboarded: the same in all systems, under another name and id.
---@param options { dir: string?, tenant: string, count: string? } count: how many copies, 1 if absent
---@return string[] names of the copies
function M.copy(options)
  local body = { tenant = options.tenant, count = math.tointeger(tonumber(options.count or 1)) or 0 }
  return control_request(require_up(M.place(options)), "/copy", body, COPY_TIMEOUT).tenants
end

--- Moves the lab's clock forward.
---@param options { dir: string?, seconds: number }
---@return string the lab's time now
function M.advance_clock(options)
  local lab = require_up(M.place(options))
  return clock.iso(control_request(lab, "/advance-clock", { seconds = options.seconds }).now)
end

return M
