--- A database in which folders of migrations are tried.
---
---     local tried
---     setup(function() tried = migrated.new() end)
---     teardown(function() tried.stop() end)

local migrate = require "o2x.client.flyway.migrate"
local repair = require "o2x.client.flyway.repair"
local resolve = require("o2x.client.flyway.folder").resolve
local servers = require "tests.support.servers"

local M = {}

local OPTIONS <const> = { schemas = { "public" } }

--- Starts a server with an empty database.
---@return table tried migrate(files) → names of the scripts that ran; repair(files); sql(text), as a superuser; stop()
function M.new()
  local server = servers.start "postgres"
  server.sql("postgres", "CREATE DATABASE tried OWNER admin")
  local function connect() return server.connect "tried" end
  return {
    sql = function(text) return server.sql("tried", text) end,
    stop = server.stop,
    migrate = function(files)
      local names = {}
      for i, migration in ipairs(migrate.migrate(connect, resolve(files), OPTIONS)) do
        names[i] = migration.script
      end
      return names
    end,
    repair = function(files) return repair.repair(connect, resolve(files), OPTIONS) end,
  }
end

return M
