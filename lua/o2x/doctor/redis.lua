--- Redis: as which user, which commands it may not run, its clock.

local clocks = require "o2x.doctor.clocks"
local errors = require "o2x.base.error"

local M = { name = "Redis", from = { "redis" } }

-- The commands that o2x sends, with what their arguments look like.
local COMMANDS <const> = { { "SCAN", "0" }, { "UNLINK", "%s" }, { "PING" } }

local function may_not(client, user, prefix)
  local missing = {}
  for _, command in ipairs(COMMANDS) do
    local words = { "ACL", "DRYRUN", user }
    for i, word in ipairs(command) do
      words[#words + 1] = i > 1 and word:format(prefix .. "o2x-doctor") or word
    end
    local ok, answer = pcall(client.command, client, table.unpack(words))
    if not ok then return nil end -- an older Redis, or ACL itself is denied
    if answer ~= "OK" then missing[#missing + 1] = command[1] end
  end
  return missing
end

local function check_rights(note, client, this, user)
  local prefix = this.grants.redis[1]
  if not prefix then return end
  local missing = may_not(client, user, prefix)
  if not missing then return note:fact "its rights are not told" end
  if #missing == 0 then return end
  local add = {}
  for i, word in ipairs(missing) do
    add[i] = "+" .. word:lower()
  end
  note:finding(
    ("%s may not %s keys of %s*"):format(user, table.concat(missing, ", "), prefix),
    ("redis-cli -u \"$REDIS_URL\" ACL SETUSER %s '~%s*' %s"):format(user, prefix, table.concat(add, " "))
  )
end

--- Checks the server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  local client = this.client "redis"
  client:ping()
  local ok, user = pcall(client.command, client, "ACL", "WHOAMI")
  user = ok and type(user) == "string" and user or nil
  local told, info = xpcall(client.info, errors.handler, client, "server")
  note:fact("%s%s", told and info.redis_version or "version not told", user and ", as " .. user or "")
  local timed, time = pcall(client.command, client, "TIME")
  clocks.compare(note, timed and type(time) == "table" and tonumber(time[1]) or nil, "Redis")
  if user then check_rights(note, client, this, user) end
end

return M
