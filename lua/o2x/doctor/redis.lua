--- Redis: as which user, which commands it may not run, its clock.

local clocks = require "o2x.doctor.clocks"
local errors = require "o2x.base.error"
local redis_rights = require "o2x.policy.rights.redis"

local M = { name = "Redis", from = { "redis" } }

local function check_rights(note, this, user)
  local missing = redis_rights.missing(this, nil, user)
  if not missing then return note:fact "its rights are not told" end
  note:add(missing)
end

--- Checks the server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  local client = this.client "redis"
  client:ping()
  local user = redis_rights.user(client)
  local told, info = xpcall(client.info, errors.handler, client, "server")
  note:fact("%s%s", told and info.redis_version or "version not told", user and ", as " .. user or "")
  local timed, time = pcall(client.command, client, "TIME")
  clocks.compare(note, timed and type(time) == "table" and tonumber(time[1]) or nil, "Redis")
  if user then check_rights(note, this, user) end
end

return M
