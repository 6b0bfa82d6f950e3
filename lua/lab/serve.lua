--- The lab's background process: starts every server and simulator, seeds the initial data, and runs until a signal.

local context = require "lab.context"
local control = require "lab.control"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local folders = require "lab.folders"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local lock = require "o2x.core.lock"
local program = require "o2x.core.program"
local real = require "lab.real"
local seed = require "lab.seed"
local sink = require "o2x.base.sink"
local task = require "o2x.base.task"

local M = {}

local OWNER_WATCH <const> = 1 -- seconds

-- The simulators of a wave start concurrently. A later wave may use an earlier one.
local WAVES <const> = {
  { "postgres", "redis", "vault", "k8s", "aws", "dns", "broker" },
  { "ingress" },
}

-- A reset leaves these, so that the settings of clients stay valid, and that a start can be read about that failed.
local KEPT <const> = {
  ["lab.log"] = true,
  ["ports.json"] = true,
  ["tls"] = true,
  ["cache"] = true,
  ["real"] = true,
  ["serve.lock"] = true,
  ["up.lock"] = true,
}

local function module_of(lab, name) return real.module(lab, name) or require("lab." .. name) end

local function each_server(lab, fn)
  for _, wave in ipairs(WAVES) do
    for _, name in ipairs(wave) do
      fn(module_of(lab, name))
    end
  end
end

local function start_one(lab, name)
  local start = task.now()
  local instance = module_of(lab, name).start(lab)
  lab.log(("%s is ready on port %s (%.2f s)"):format(name, instance.port or "-", task.now() - start))
  return instance
end

local function start_all(lab, instances)
  for _, wave in ipairs(WAVES) do
    task.each(wave, function(name) instances[name] = start_one(lab, name) end)
  end
end

local function stop_all(lab, instances)
  for i = #WAVES, 1, -1 do
    for _, name in ipairs(WAVES[i]) do
      local instance = instances[name]
      if instance and instance.stop then
        local ok, problem = xpcall(instance.stop, errors.handler)
        if not ok then lab.log(("%s: %s"):format(name, problem.traceback or tostring(problem))) end
      end
    end
  end
end

local function merged_env(lab, instances, env)
  for _, instance in pairs(instances) do
    for name, value in pairs(instance.env or {}) do
      env[name] = value
    end
  end
  return env
end

local function describe(instances)
  local servers = {}
  for name, instance in pairs(instances) do
    servers[name] = { port = instance.port }
  end
  return servers
end

-- Ends with the process that it works for, if there is one.
local function watch_owner(owner, stop)
  return task.spawn(function()
    while fs.exists("/proc/" .. owner) do
      task.sleep(OWNER_WATCH)
    end
    stop:set()
  end)
end

local function wait_for_signal(owner)
  local stop, watchers = task.event(), {}
  watchers[0] = owner and watch_owner(owner, stop)
  for i, name in ipairs { "TERM", "INT", "HUP" } do
    watchers[i] = task.spawn(function()
      local signal <close> = task.signal(name)
      task.wait(signal, math.huge)
      stop:set()
    end)
  end
  task.wait(stop, math.huge)
  for _, watcher in pairs(watchers) do
    watcher:cancel()
  end
end

local function begin(lab, place, instances)
  local env = folders.prepare(lab, place.platform)
  start_all(lab, instances)
  merged_env(lab, instances, env)
  local start = task.now()
  seed.run(lab, env, place.platform, place.tenants)
  lab.log(("seeded (%.2f s)"):format(task.now() - start))
  return env
end

-- If the start fails, or the end (the folder is gone), nothing is left running: neither the servers nor this process
-- with its waiting tasks.
local function give_up(lab, instances, problem)
  local hint = problem.hint and "     " .. problem.hint .. "\n" or ""
  sink.lines("stderr", ("o2x: %s\n%s%s"):format(tostring(problem), hint, problem.traceback or ""))
  pcall(stop_all, lab, instances)
  pcall(M.sweep, lab)
  program.exit_now(errors.exit_code(problem))
end

local function shut_down(lab, instances, control_server)
  lab.log("stopping")
  fs.remove(fs.join(lab.dir, "lab.json"))
  control_server:stop()
  for _, relay in pairs(lab.relays or {}) do
    relay:close()
  end
  stop_all(lab, instances)
  lab.flush()
  lab.log("stopped")
end

-- Another process that checks whether the lab is running holds the lock for a moment.
local function take_lock(path)
  local taken, pid
  for _ = 1, 100 do
    taken, pid = lock.take(path, tostring(program.pid()))
    if taken or pid ~= "" then break end
    task.sleep(0.01)
  end
  if taken then return taken end
  errors.raise { kind = "locked", module = "lab", message = ("process %s already runs this lab"):format(pid) }
end

--- Runs the lab until SIGTERM, SIGINT or SIGHUP.
---@param place { dir: string, platform: string, memory: boolean?, owner: string?, tenants: string[]?, real: string[]? }
---  memory: nothing is kept; owner: the number of the process with which the lab ends; tenants: those to seed whole;
---  real: the systems that are not simulated
---@return integer exit code
function M.run(place)
  fs.mkdir(place.dir, 0x1c0)
  local _lock <close> = take_lock(fs.join(place.dir, "serve.lock"))
  local note = fs.join(place.dir, "lab.json")
  local was_killed = fs.exists(note)
  fs.remove(note)
  if seed.is_incomplete(place.dir) or place.memory or context.in_memory(place.dir) then M.forget(place) end
  local lab = context.new(place.dir, place)
  if was_killed then M.sweep(lab) end -- its servers still have their ports: others would be given out for them
  local instances = {}
  local ok, env = xpcall(begin, errors.handler, lab, place, instances)
  if not ok then give_up(lab, instances, env) end
  local token = crypto.hex(crypto.random(16))
  local control_server = control.start(lab, instances, token)
  lab.flush()
  fs.write(
    fs.join(lab.dir, "lab.json"),
    json.pretty {
      pid = program.pid(),
      env = env,
      servers = describe(instances),
      tenants = lab.state("seed").tenants or json.array {},
      control = { url = ("http://%s:%d"):format(lab.host, control_server.port), token = token },
    },
    { mode = 0x180 }
  )
  lab.log("ready")
  wait_for_signal(place.owner)
  local ended, problem = xpcall(shut_down, errors.handler, lab, instances, control_server)
  if not ended then give_up(lab, instances, problem) end
  if lab.memory then M.forget(place) end
  return 0
end

--- Stops the servers that a killed lab left running.
---@param lab table
function M.sweep(lab)
  each_server(lab, function(module)
    if module.sweep then module.sweep(lab) end
  end)
end

--- Removes all data of a lab, including what is outside of its folder. The lab must be down.
---@param place { dir: string }
---@param kept table<string, boolean>? names in its folder; default: what the settings of clients need
function M.forget(place, kept)
  local lab = context.new(place.dir)
  each_server(lab, function(module)
    if module.forget then module.forget(lab) end
  end)
  for _, name in ipairs(fs.list(lab.dir)) do
    local path = fs.join(lab.dir, name)
    if not (kept or KEPT)[name] then
      if fs.is_folder(path) then
        fs.remove_tree(path)
      else
        fs.remove(path)
      end
    end
  end
end

return M
