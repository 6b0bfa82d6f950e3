--- The lock of a folder, for the moment in which a program changes a file that others change too: reads it, changes it
--- and writes it. It is the kernel's lock of the folder itself, so nothing is left there, and it goes with the process.

local core = require "o2x.core.lock"
local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local M = {}

local PATIENCE <const> = 30 -- seconds; a change takes a few milliseconds
local POLL <const> = 0.02

-- File systems that have no such lock: some network file systems.
local WITHOUT <const> = { EBADF = true, ENOLCK = true, EOPNOTSUPP = true, ENOTSUP = true, EINVAL = true }

--- Takes the lock of a folder; waits while another program has it.
---@param path string
---@param seconds number? 30 if absent
---@return userdata? lock to be closed; nil where the file system has no locks
function M.take(path, seconds)
  local deadline = task.now() + (seconds or PATIENCE)
  repeat
    local lock, message, code = core.folder(path)
    if lock or WITHOUT[code] then return lock end
    if code ~= "EAGAIN" and code ~= "EWOULDBLOCK" then
      errors.raise { kind = "failed", module = "folder_lock", message = message, code = code }
    end
    task.sleep(POLL)
  until task.now() > deadline
  errors.raise {
    kind = "locked",
    module = "folder_lock",
    message = ("%s: another program has had the lock of the folder for %d s"):format(path, seconds or PATIENCE),
    hint = ("look which one: fuser -v %s"):format(path),
  }
end

return M
