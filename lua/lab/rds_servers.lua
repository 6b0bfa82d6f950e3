--- What the lab's RDS keeps: snapshots, which are base backups of a real PostgreSQL, and servers made from them, which
--- are real ones on ports of their own. The first server is the lab's own PostgreSQL.

local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local server = require "lab.pg_server"
local task = require "o2x.base.task"

local M = {}

local LEAST <const> = { snapshot = 0.5, instance = 1 } -- seconds of the lab's clock that each takes at least
local NAME <const> = "rds"

---@class lab.rds_servers
local Servers = {}
Servers.__index = Servers

-- ---- where things are ----

local function folder_of(lab, what, id)
  local user = daemon.user(server.USERS)
  return fs.join(daemon.path(lab, NAME, user), what .. "-" .. id:gsub(":", ".")), user
end

local function place(lab, id)
  local folder, user = folder_of(lab, "instance", id)
  return { user = user, folder = folder, data = fs.join(folder, "data"), log = fs.join(folder, "log") }
end

function Servers:save() self.lab.save("rds") end

-- The lab's own server, as an instance like the others.
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

--- The port on which an instance answers.
---@param instance table
---@return integer
function Servers:port(instance) return self.lab.port(port_name(instance)) end

-- ---- work that takes its time ----

-- Runs work as a task of its own; the entry is available afterwards, and not before its least time has passed.
local function begin(self, entry, least, work)
  task.spawn(function()
    local ok, problem = xpcall(work, errors.handler)
    if not ok then
      self.lab.log(("rds: %s: %s"):format(entry.id, problem.traceback or tostring(problem)))
      entry.status = "failed"
      return self:save()
    end
    while self.lab.clock() < entry.created + least do
      task.sleep(0.05)
    end
    if entry.status == "creating" then entry.status = "available" end
    self:save()
  end)
end

-- Made aside and renamed, so that a half-made one is never taken for whole.
local function into_place(user, aside, path) daemon.must(user, { argv = { "mv", "-T", aside, path } }, "mv") end

local function take_snapshot(self, snapshot)
  local path, user = folder_of(self.lab, "snapshot", snapshot.id)
  if fs.exists(path) then return end
  local base = daemon.folder(self.lab, NAME, user)
  local password_file, aside = fs.join(base, "password"), path .. ".new"
  daemon.write(password_file, "*:*:*:*:" .. self.lab.state("postgres").superuser_password .. "\n", user)
  if fs.exists(aside) then fs.remove_tree(aside) end
  local argv = {
    server.program("pg_basebackup"),
    "-h",
    self.lab.host,
    "-p",
    tostring(self:port(self.state.instances[snapshot.instance])),
    "-U",
    "postgres",
    "-D",
    aside,
    "--checkpoint=fast",
    "--wal-method=fetch",
    "--no-sync",
  }
  daemon.must(user, { argv = argv, env = { LC_ALL = "C", PGPASSFILE = password_file }, timeout = 300 }, "pg_basebackup")
  into_place(user, aside, path)
end

local function bring_up(self, instance)
  local at = place(self.lab, instance.id)
  if not fs.exists(at.data) then
    local from = folder_of(self.lab, "snapshot", instance.snapshot)
    daemon.folder(self.lab, NAME, at.user)
    if fs.exists(at.folder) then fs.remove_tree(at.folder) end
    daemon.must(at.user, { argv = { "mkdir", "-m", "700", at.folder } }, "mkdir")
    daemon.must(at.user, { argv = { "cp", "-a", from, at.data .. ".new" }, timeout = 300 }, "cp")
    into_place(at.user, at.data .. ".new", at.data)
  end
  if server.is_running(at) then return end
  self.lab.on_port(port_name(instance), function(port) server.launch(at, port) end)
end

--- Begins a snapshot.
---@param id string
---@param instance string
---@param tags table<string, string>
---@return table snapshot
function Servers:create_snapshot(id, instance, tags)
  local snapshot =
    { id = id, instance = instance, created = self.lab.clock(), status = "creating", type = "manual", tags = tags }
  self.state.snapshots[id] = snapshot
  self:save()
  begin(self, snapshot, LEAST.snapshot, function() take_snapshot(self, snapshot) end)
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

--- Begins a server from a snapshot.
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
  begin(self, instance, LEAST.instance, function() bring_up(self, instance) end)
  return instance
end

--- Begins to remove a server.
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

-- What a lab that was ended left half done is gone on with; its servers are started again.
local function go_on(self)
  for _, snapshot in pairs(self.state.snapshots) do
    if snapshot.status == "creating" then begin(self, snapshot, 0, function() take_snapshot(self, snapshot) end) end
  end
  for _, instance in pairs(self.state.instances) do
    if instance.status == "deleting" then
      self:delete_instance(instance)
    elseif not instance.primary then
      begin(self, instance, 0, function() bring_up(self, instance) end)
    end
  end
end

--- Opens what there is.
---@param lab table
---@return lab.rds_servers
function M.open(lab)
  local state = lab.state("rds")
  state.instances, state.snapshots = state.instances or {}, state.snapshots or {}
  local self = setmetatable({ lab = lab, state = state }, Servers)
  go_on(self)
  return self
end

--- Says which of RDS's servers the lab's own PostgreSQL is.
---@param lab table
---@param id string
function M.adopt(lab, id)
  local state = lab.state("rds")
  state.instances, state.snapshots = state.instances or {}, state.snapshots or {}
  adopt({ lab = lab, state = state }, id)
  lab.save("rds")
end

--- Ends all servers of a lab that were made from snapshots, whoever started them.
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

--- Removes all data; the lab is down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, NAME, daemon.user(server.USERS))
end

return M
