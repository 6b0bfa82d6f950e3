--- What Redis does not let the user do with the tenant's keys. Its own ACL DRYRUN says so.

local M = {}

-- The commands that o2x sends, with what their arguments look like.
local COMMANDS <const> = { { "SCAN", "0" }, { "UNLINK", "%s" }, { "PING" } }

local function may_not(client, user, prefix, needs)
  local missing = {}
  for _, command in ipairs(COMMANDS) do
    local words = { "ACL", "DRYRUN", user }
    for i, word in ipairs(command) do
      words[#words + 1] = i > 1 and word:format(prefix .. "o2x-doctor") or word
    end
    if not needs or needs[command[1]] then
      local ok, answer = pcall(client.command, client, table.unpack(words))
      if not ok then return nil end -- an older Redis, or ACL itself is denied
      if answer ~= "OK" then missing[#missing + 1] = command[1] end
    end
  end
  return missing
end

--- Who we are.
---@param client table
---@return string? user nil: Redis does not tell
function M.user(client)
  local ok, user = pcall(client.command, client, "ACL", "WHOAMI")
  return ok and type(user) == "string" and user or nil
end

--- What is missing.
---@param this { client: function, grants: table, tenant: table, config: table }
---@param needs string[]? commands
---@param user string? of M.user, if that is known
---@return { text: string, mend: string }[]?  nil: Redis does not tell
function M.missing(this, needs, user)
  local client, prefix, wanted = this.client "redis", this.grants.redis[1], needs and {} or nil
  for _, word in ipairs(needs or {}) do
    wanted[word] = true
  end
  user = user or M.user(client)
  if not prefix or not user then return {} end
  local missing = may_not(client, user, prefix, wanted)
  if not missing then return nil end
  if #missing == 0 then return {} end
  local add = {}
  for i, word in ipairs(missing) do
    add[i] = "+" .. word:lower()
  end
  return {
    {
      text = ("%s may not %s keys of %s*"):format(user, table.concat(missing, ", "), prefix),
      mend = ("redis-cli -u \"$REDIS_URL\" ACL SETUSER %s '~%s*' %s"):format(user, prefix, table.concat(add, " ")),
    },
  }
end

return M
