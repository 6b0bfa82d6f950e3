--- Flyway's callbacks: scripts that run when something happens in a migration or a repair.

local names = require "o2x.client.flyway.names"
local runner = require "o2x.client.flyway.runner"
local script = require "o2x.client.flyway.script"

local M = {}

--- The scripts of a folder that run after the migrations: those are over only when these are.
---@param folder o2x.flyway.folder
---@return table[] callbacks of folder.resolve
function M.final(folder)
  local list = {}
  for _, file in ipairs(folder.callbacks) do
    local event = file.event
    if event == "afterMigrate" or event == "afterMigrateApplied" or event == "afterMigrateOperationFinish" then
      list[#list + 1] = file
    end
  end
  return list
end

local Callbacks = {}
Callbacks.__index = Callbacks

-- In a transaction of its own, unless it is already in that of a migration.
local function run(db, one)
  if one.transaction and db.depth == 0 then
    db:transaction(function(tx) runner.run(tx, one) end, { attempts = 1 })
  else
    runner.run(db, one)
  end
end

--- Runs the callbacks of an event on a session, in the order of their descriptions.
---@param event string
---@param db o2x.pg.Connection
function Callbacks:run_on(event, db)
  for _, one in ipairs(self.events[event] or {}) do
    run(db, one)
  end
end

--- Runs the callbacks of an event on a session of their own.
---@param event string
function Callbacks:run(event)
  if not self.events[event] then return end
  local db <close> = self.connect()
  self:run_on(event, db)
end

--- Are there callbacks of the event?
---@param event string
---@return boolean
function Callbacks:has(event) return self.events[event] ~= nil end

--- The callbacks of a folder, made ready: one that cannot run is refused before anything runs.
---@param folder o2x.flyway.folder
---@param connect fun(): o2x.pg.Connection a session whose search path is set
---@return table callbacks
function M.new(folder, connect)
  local self = setmetatable({ events = {}, connect = connect }, Callbacks)
  for _, file in ipairs(folder.callbacks) do
    if names.EVENTS[file.event] then
      local list = self.events[file.event] or {}
      list[#list + 1] = script.prepare(file, folder.values)
      self.events[file.event] = list
    end
  end
  return self
end

return M
