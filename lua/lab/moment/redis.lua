--- The lab's Redis at a moment: all keys with what they hold and how long they still live.

local M = {}

local PAGE <const> = "1000"

local function databases(connection)
  local found = {}
  for number in connection:command("INFO", "keyspace"):gmatch "db(%d+):" do
    found[#found + 1] = number
  end
  return found
end

local function keys_of(connection)
  local keys, cursor = {}, "0"
  repeat
    local answer = connection:command("SCAN", cursor, "COUNT", PAGE)
    cursor = answer[1]
    for _, key in ipairs(answer[2]) do
      keys[#keys + 1] = key
    end
  until cursor == "0"
  return keys
end

-- How much was changed since the server started; a save sets it back, so its time belongs to it.
local function changes(connection)
  local text = connection:command("INFO", "persistence") .. connection:command("INFO", "stats")
  local parts = {}
  for _, name in ipairs { "rdb_changes_since_last_save", "rdb_last_save_time", "expired_keys", "evicted_keys" } do
    parts[#parts + 1] = text:match(name .. ":(%d+)")
  end
  return table.concat(parts, " ")
end

--- The keys of all databases.
---@param connection table of o2x.client.redis
---@return { database: string, key: string, dump: string, ttl: integer }[] ttl: milliseconds, -1 without one
function M.read(connection)
  local list = {}
  for _, database in ipairs(databases(connection)) do
    connection:command("SELECT", database)
    for _, key in ipairs(keys_of(connection)) do
      local answer = connection:pipeline { { "DUMP", key }, { "PTTL", key } }
      if type(answer[1]) == "string" then
        list[#list + 1] = { database = database, key = key, dump = answer[1], ttl = answer[2] }
      end
    end
  end
  connection:command("SELECT", "0")
  return list
end

local function write(connection, list)
  local commands = { { "FLUSHALL" } }
  for _, each in ipairs(list) do
    commands[#commands + 1] = { "SELECT", each.database }
    commands[#commands + 1] = { "RESTORE", each.key, tostring(math.max(each.ttl, 0)), each.dump }
  end
  connection:pipeline(commands)
end

--- Keeps all keys.
---@param connect fun(): table a new connection
---@return fun(): boolean put_back changed
function M.keep(connect)
  local connection <close> = connect()
  local list, seen = M.read(connection), changes(connection)
  return function()
    local again <close> = connect()
    again:command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    local changed = changes(again) ~= seen
    if changed then
      write(again, list)
      seen = changes(again)
    end
    again:command("SLOWLOG", "RESET") -- what was asked begins anew
    return changed
  end
end

return M
