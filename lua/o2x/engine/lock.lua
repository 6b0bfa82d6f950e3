--- At most one run per tenant. The kernel releases the lock when its holder ends, so it is never stale.

local core = require "o2x.core.lock"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local program = require "o2x.core.program"

local M = {}

local function path_of(state, tenant) return fs.join(state, "locks", tenant) end

local function parse(words)
  local ok, holder = pcall(json.read, words)
  return ok and type(holder) == "table" and holder or {}
end

--- The holder of a tenant's lock.
---@param state string the run store's folder
---@param tenant string
---@return table? holder user, host, pid, run, runbook, since
function M.holder(state, tenant)
  local words = core.holder(path_of(state, tenant))
  return words and parse(words)
end

--- Takes a tenant's lock; the error names its holder.
---@param state string
---@param tenant string
---@param words table user, host, run, runbook, since
---@return userdata lock, held until it is closed or the process ends
function M.take(state, tenant, words)
  words.pid = program.pid()
  local lock, message, code = core.take(path_of(state, tenant), json.encode(words))
  if lock then return lock end
  if code ~= "locked" then
    errors.raise { kind = "failed", module = "lock", message = message, code = code, where = path_of(state, tenant) }
  end
  local holder = parse(message)
  errors.raise {
    kind = "locked",
    module = "lock",
    message = ("%s is locked: %s@%s runs %s%s since %s (process %s)"):format(
      tenant,
      holder.user or "?",
      holder.host or "?",
      holder.runbook or "a runbook",
      holder.run and " (" .. holder.run .. ")" or "",
      holder.since or "?",
      tostring(holder.pid or "?")
    ),
    hint = "wait until it ends, or interrupt it there; the lock ends with the process",
  }
end

return M
