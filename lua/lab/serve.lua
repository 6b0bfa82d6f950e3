--- The lab's process: starts every simulator, seeds what is there at the beginning, and waits to be told to stop.

local context = require "lab.context"
local control = require "lab.control"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local lock = require "o2x.core.lock"
local program = require "o2x.core.program"
local seed = require "lab.seed"
local task = require "o2x.base.task"
local tree = require "lab.tree"

local M = {}

-- Those of one wave start side by side; a later one may ask an earlier one for things.
local WAVES <const> = {
  { "postgres", "redis", "vault", "k8s", "aws", "dns", "broker" },
  { "ingress" },
}

-- What a reset leaves: a client's settings stay valid.
local KEPT <const> = {
  ["ports.json"] = true,
  ["tls"] = true,
  ["cache"] = true,
  ["serve.lock"] = true,
  ["up.lock"] = true,
}

local function each_simulator(fn)
  for _, wave in ipairs(WAVES) do
    for _, name in ipairs(wave) do
      fn(require("lab." .. name))
    end
  end
end

local function start_one(lab, name)
  local began = task.now()
  local instance = require("lab." .. name).start(lab)
  lab.log(("%s is ready on port %s (%.2f s)"):format(name, instance.port or "-", task.now() - began))
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

local function until_told()
  local told, watchers = task.event(), {}
  for i, name in ipairs { "TERM", "INT", "HUP" } do
    watchers[i] = task.spawn(function()
      local signal <close> = task.signal(name)
      task.wait(signal, math.huge)
      told:set()
    end)
  end
  task.wait(told, math.huge)
  for _, watcher in ipairs(watchers) do
    watcher:cancel()
  end
end

local function begin(lab, platform, instances)
  local env = tree.prepare(lab, platform)
  start_all(lab, instances)
  merged_env(lab, instances, env)
  local began = task.now()
  seed.sow(lab, env, platform)
  lab.log(("seeded (%.2f s)"):format(task.now() - began))
  return env
end

-- A lab that did not come up leaves nothing running: neither servers nor this process, whatever its tasks wait for.
local function give_up(lab, instances, problem)
  io.stderr:write("o2x: ", tostring(problem), "\n", problem.traceback or "", "\n")
  stop_all(lab, instances)
  M.sweep(lab)
  program.exit_now(errors.exit_code(problem))
end

-- Others who look whether we run hold the lock for a moment.
local function take_lock(path)
  local held, words
  for _ = 1, 100 do
    held, words = lock.take(path, tostring(program.pid()))
    if held or words ~= "" then break end
    task.sleep(0.01)
  end
  if held then return held end
  errors.raise { kind = "locked", module = "lab", message = ("process %s serves this lab already"):format(words) }
end

--- Runs the lab until a signal ends it.
---@param place { dir: string, platform: string }
---@return integer exit code
function M.run(place)
  fs.mkdir(place.dir, 0x1c0)
  local _held <close> = take_lock(fs.join(place.dir, "serve.lock"))
  fs.remove(fs.join(place.dir, "lab.json"))
  if seed.half_done(place.dir) then M.forget(place) end
  local lab = context.new(place.dir)
  local instances = {}
  local ok, env = xpcall(begin, errors.handler, lab, place.platform, instances)
  if not ok then give_up(lab, instances, env) end
  local token = crypto.hex(crypto.random(16))
  local door = control.open(lab, instances, token)
  lab.flush()
  fs.write(
    fs.join(lab.dir, "lab.json"),
    json.pretty {
      pid = program.pid(),
      env = env,
      servers = describe(instances),
      control = { url = ("http://%s:%d"):format(lab.host, door.port), token = token },
    },
    { mode = 0x180 }
  )
  lab.log("ready")
  until_told()
  lab.log("stopping")
  fs.remove(fs.join(lab.dir, "lab.json"))
  door:stop()
  stop_all(lab, instances)
  lab.flush()
  lab.log("stopped")
  return 0
end

--- Ends what a killed lab left running.
---@param lab table
function M.sweep(lab)
  each_simulator(function(module)
    if module.sweep then module.sweep(lab) end
  end)
end

--- Removes everything that a lab holds, wherever it is; it must be down.
---@param place { dir: string }
function M.forget(place)
  local lab = context.new(place.dir)
  each_simulator(function(module)
    if module.forget then module.forget(lab) end
  end)
  for _, name in ipairs(fs.list(lab.dir)) do
    local path = fs.join(lab.dir, name)
    if not KEPT[name] then
      if fs.is_folder(path) then
        fs.remove_tree(path)
      else
        fs.remove(path)
      end
    end
  end
end

return M
