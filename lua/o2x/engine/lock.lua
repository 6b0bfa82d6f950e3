--- At most one run per tenant. The kernel releases the lock when its holder ends, so it is never stale.
---
--- What is held are two names on this machine and a file. The names are made of the tenant and the run store's folder:
--- one of its path, the other of its device and inode. So neither another spelling of the path nor a folder that was
--- removed and made again lets a second run in. The file says who holds them; it also holds between machines that share
--- the folder.

local core = require "o2x.core.lock"
local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local program = require "o2x.core.program"

local M = {}

local TRIES <const> = 5

local function path_of(state, tenant) return fs.join(state, "locks", tenant) end

local function parse(words)
  local ok, holder = pcall(json.read, words)
  return ok and type(holder) == "table" and holder or {}
end

--- The holder of a tenant's lock, as the lock's file tells it.
---@param state string the run store's folder
---@param tenant string
---@return table? holder user, host, pid, run, runbook, since
function M.holder(state, tenant)
  local words = core.holder(path_of(state, tenant))
  return words and parse(words)
end

local function refuse(tenant, holder)
  errors.raise {
    kind = "locked",
    module = "lock",
    message = holder.runbook and ("%s is locked: %s@%s runs %s%s since %s (process %s)"):format(
      tenant,
      holder.user or "?",
      holder.host or "?",
      holder.runbook,
      holder.run and " (" .. holder.run .. ")" or "",
      holder.since or "?",
      tostring(holder.pid or "?")
    ) or ("%s is locked by process %s"):format(tenant, tostring(holder.pid or "?")),
    hint = "wait until it ends, or interrupt it there; the lock ends with the process",
  }
end

local function fail(message, code)
  errors.raise { kind = "failed", module = "lock", message = message, code = code, hint = fs.HINTS[code] }
end

-- The names that stand for a tenant of a run store.
local function names(state, tenant)
  local folder = fs.stat(state)
  local list = {
    { "path", fs.realpath(state), tenant },
    { "folder", ("%d:%d"):format(folder.device, folder.inode), tenant },
  }
  for i, parts in ipairs(list) do
    list[i] = "o2x/" .. crypto.sha256(table.concat(parts, "\0"))
  end
  return list
end

-- Where a sandbox allows no such sockets, the file alone is held.
local FORBIDDEN <const> = { EAFNOSUPPORT = true, EPERM = true, EACCES = true }

local function claim(state, tenant, name)
  local held, message, code = core.claim(name)
  if held or FORBIDDEN[code] then return held end
  if code == "locked" then refuse(tenant, M.holder(state, tenant) or { pid = message > 0 and message or nil }) end
  fail(message, code)
end

local function take_file(state, tenant, words)
  local held, message, code
  for _ = 1, TRIES do
    fs.mkdir(fs.join(state, "locks"), tonumber("700", 8))
    held, message, code = core.take(path_of(state, tenant), json.encode(words))
    if held then return held end
    if code ~= "ENOENT" then break end -- somebody removed the folder just now
  end
  if code == "locked" then refuse(tenant, parse(message)) end
  fail(message, code) -- which begins with the path
end

--- Takes a tenant's lock; the error names its holder.
---@param state string the run store's folder
---@param tenant string
---@param words table user, host, run, runbook, since
---@return table lock, held until it is closed or the process ends
function M.take(state, tenant, words)
  words.pid = program.pid()
  local held = {}
  local function release()
    for _, one in ipairs(held) do
      one:close()
    end
  end
  local ok, err = xpcall(function()
    for _, name in ipairs(names(state, tenant)) do
      held[#held + 1] = claim(state, tenant, name)
    end
    held[#held + 1] = take_file(state, tenant, words)
  end, errors.handler)
  if ok then return defer(release) end
  release()
  error(err, 0)
end

return M
