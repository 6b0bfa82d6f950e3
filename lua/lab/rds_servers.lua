--- Snapshots and instances of the lab's RDS. A snapshot is a base backup of a real PostgreSQL, an instance that is
--- restored from it is a real server with its own port. The primary instance is the lab's PostgreSQL.

local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local server = require "lab.pg_server"
local task = require "o2x.base.task"

local M = {}

local MIN_SECONDS <const> = { snapshot = 0.5, instance = 1 } -- minimum duration of each, by the lab's clock
local NAME <const> = "rds"

---@class lab.rds_servers
local Servers = {}
Servers.__index = Servers

-- ---- paths and ports ----

local function folder_of(lab, what, id)
  local user = daemon.user(server.USERS)
  return fs.join(daemon.path(lab, NAME, user), what .. "-" .. id:gsub(":", ".")), user
end

local function place(lab, id)
  local folder, user = folder_of(lab, "instance", id)
  return { user = user, folder = folder, data = fs.join(folder, "data"), log = fs.join(folder, "log") }
end

--- Saves the state.
function Servers:save() self.lab.save("rds") end

-- Registers the lab's PostgreSQL as an instance.
local function adopt(self, id)
  local state = self.state
  state.primary = id
  state.instances[id] = state.instances[id]
    or {
      id = id,
      created = self.lab.clock(),
      status = "available",
      primary = true,
      class = "db.r5.xlarge",
      tags = {},
    }
end

local function port_name(instance) return instance.primary and "postgres" or "rds-" .. instance.id end

--- The port of an instance.
---@param instance table
---@return integer
function Servers:port(instance) return self.lab.port(port_name(instance)) end

-- ---- background work ----

-- Runs the work as a task. The entry becomes available afterwards, but not before its minimum duration is over.
local function run_in_background(self, entry, min_seconds, work)
  task.spawn(function()
    local ok, problem = xpcall(work, errors.handler)
    if not ok then
      self.lab.log(("rds: %s: %s"):format(entry.id, problem.traceback or tostring(problem)))
      entry.status = "failed"
      return self:save()
    end
    while self.lab.clock() < entry.created + min_seconds do
      task.sleep(0.05)
    end
    if entry.status == "creating" then entry.status = "available" end
    self:save()
  end)
end

-- A folder is completed under a temporary name and renamed, so that an incomplete one is never used.
local function rename(user, temporary, path) daemon.must(user, { argv = { "mv", "-T", temporary, path } }, "mv") end

local function take_snapshot(self, snapshot)
  local path, user = folder_of(self.lab, "snapshot", snapshot.id)
  if fs.exists(path) then return end
  local base = daemon.folder(self.lab, NAME, user)
  local password_file, temporary = fs.join(base, "password"), path .. ".new"
  daemon.write(password_file, "*:*:*:*:" .. self.lab.state("postgres").superuser_password .. "\n", user)
  if fs.exists(temporary) then fs.remove_tree(temporary) end
  local argv = {
    server.program("pg_basebackup"),
    "-h",
    self.lab.host,
    "-p",
    tostring(self:port(self.state.instances[snapshot.instance])),
    "-U",
    "postgres",
    "-D",
    temporary,
    "--checkpoint=fast",
    "--wal-method=fetch",
    "--no-sync",
  }
  daemon.must(user, { argv = argv, env = { LC_ALL = "C", PGPASSFILE = password_file }, timeout = 300 }, "pg_basebackup")
  rename(user, temporary, path)
end

local function start_instance(self, instance)
  local at = place(self.lab, instance.id)
  if not fs.exists(at.data) then
    local from = folder_of(self.lab, "snapshot", instance.snapshot)
    daemon.folder(self.lab, NAME, at.user)
    if fs.exists(at.folder) then fs.remove_tree(at.folder) end
    daemon.must(at.user, { argv = { "mkdir", "-m", "700", at.folder } }, "mkdir")
    daemon.must(at.user, { argv = { "cp", "-a", from, at.data .. ".new" }, timeout = 300 }, "cp")
    rename(at.user, at.data .. ".new", at.data)
  end
  if server.is_running(at) then return end
  self.lab.on_port(port_name(instance), function(port) server.launch(at, port) end)
end

--- Starts to take a snapshot.
---@param id string
---@param instance string
---@param tags table<string, string>
---@return table snapshot
function Servers:create_snapshot(id, instance, tags)
  local snapshot =
    { id = id, instance = instance, created = self.lab.clock(), status = "creating", type = "manual", tags = tags }
  self.state.snapshots[id] = snapshot
  self:save()
  run_in_background(self, snapshot, MIN_SECONDS.snapshot, function() take_snapshot(self, snapshot) end)
  return snapshot
end

--- Removes a snapshot.
---@param snapshot table
function Servers:delete_snapshot(snapshot)
  local path = folder_of(self.lab, "snapshot", snapshot.id)
  if fs.exists(path) then fs.remove_tree(path) end
  self.state.snapshots[snapshot.id] = nil
  self:save()
end

--- Starts to restore an instance from a snapshot.
---@param id string
---@param snapshot table
---@param tags table<string, string>
---@param class string?
---@return table instance
function Servers:restore(id, snapshot, tags, class)
  local instance = {
    id = id,
    created = self.lab.clock(),
    status = "creating",
    snapshot = snapshot.id,
    tags = tags,
    class = class or "db.r5.xlarge",
  }
  self.state.instances[id] = instance
  self:save()
  run_in_background(self, instance, MIN_SECONDS.instance, function() start_instance(self, instance) end)
  return instance
end

--- Starts to delete an instance.
---@param instance table
function Servers:delete_instance(instance)
  instance.status = "deleting"
  self:save()
  task.spawn(function()
    local at = place(self.lab, instance.id)
    local ok, problem = pcall(function()
      server.stop(at)
      if fs.exists(at.folder) then fs.remove_tree(at.folder) end
    end)
    if not ok then self.lab.log(("rds: %s: %s"):format(instance.id, tostring(problem))) end
    self.state.instances[instance.id] = nil
    self:save()
  end)
end

-- After a restart of the lab: finishes what was interrupted and starts the instances again.
local function resume(self)
  for _, snapshot in pairs(self.state.snapshots) do
    if snapshot.status == "creating" then
      run_in_background(self, snapshot, 0, function() take_snapshot(self, snapshot) end)
    end
  end
  for _, instance in pairs(self.state.instances) do
    if instance.status == "deleting" then
      self:delete_instance(instance)
    elseif not instance.primary then
      run_in_background(self, instance, 0, function() start_instance(self, instance) end)
    end
  end
end

--- Opens the lab's RDS and resumes what was interrupted.
---@param lab table
---@return lab.rds_servers
function M.open(lab)
  local state = lab.state("rds")
  state.instances, state.snapshots = state.instances or {}, state.snapshots or {}
  local self = setmetatable({ lab = lab, state = state }, Servers)
  resume(self)
  return self
end

--- Registers the lab's PostgreSQL as an instance.
---@param lab table
---@param id string the instance's identifier
function M.adopt(lab, id)
  local state = lab.state("rds")
  state.instances, state.snapshots = state.instances or {}, state.snapshots or {}
  adopt({ lab = lab, state = state }, id)
  lab.save("rds")
end

--- Stops all instances that were restored from snapshots, including those that a killed lab left running.
---@param lab table
function M.sweep(lab)
  local user = daemon.user(server.USERS)
  local base = daemon.path(lab, NAME, user)
  if not fs.exists(base) then return end
  for _, name in ipairs(fs.list(base)) do
    local id = name:match("^instance%-(.*)$")
    if id then server.stop(place(lab, id)) end
  end
end

--- Removes all data. The lab must be down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, NAME, daemon.user(server.USERS))
end

return M
