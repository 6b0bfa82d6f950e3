--- What the lab's Redis was asked: the server's own list of slow commands. In a lab in memory each counts as slow.

local M = {}

--- Settings of a server whose commands are to be read.
M.SETTINGS = "slowlog-log-slower-than 0\nslowlog-max-len 20000"

local READS <const> = {}
for word in
  ([[AUTH CLIENT COMMAND CONFIG DBSIZE DUMP ECHO EXISTS GET HELLO HGET HGETALL INFO KEYS LLEN LRANGE MEMORY MGET
    LASTSAVE OBJECT PING PTTL QUIT SCAN SELECT SLOWLOG SMEMBERS STRLEN TIME TTL TYPE]]):gmatch "%S+"
do
  READS[word] = true
end

-- ACL asks, too: who am I, and what would I be allowed?
local ACL_READS <const> = { CAT = true, DRYRUN = true, GETUSER = true, LIST = true, WHOAMI = true }

local function reads(words)
  local method = tostring(words[1]):upper()
  return READS[method] or method == "ACL" and ACL_READS[tostring(words[2]):upper()] or false
end

--- The name of the lab's own connections, by which its commands are left out.
M.OWN = "o2x-lab"

-- What is not known to read counts as a write.
local function request(entry)
  local words = entry[4]
  local method = tostring(words[1]):upper()
  local text = table.concat(words, " ")
  local write = not reads(words)
  return {
    service = "redis",
    at = entry[2],
    method = method,
    target = words[2] or "",
    status = "OK",
    write = write,
    identity = write and "redis " .. text or nil,
  }
end

--- The commands since the list was emptied, in their order.
---@param connection table of o2x.client.redis
---@return table[] requests service, method, target, write, status, identity
function M.read(connection)
  local entries, list, own = connection:command("SLOWLOG", "GET", "20000"), {}, {}
  for _, entry in ipairs(entries) do
    if entry[6] == M.OWN then own[entry[5]] = true end -- its address: the login came before the name
  end
  for i = #entries, 1, -1 do -- the newest comes first
    if not own[entries[i][5]] then list[#list + 1] = request(entries[i]) end
  end
  return list
end

return M
