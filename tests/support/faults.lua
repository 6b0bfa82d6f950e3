--- Faults of the C library (tests/faults/shim.c) in a program under test.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

--- The number of each error that a fault may give.
M.ERRORS = {
  EPERM = 1,
  EIO = 5,
  ENOMEM = 12,
  EFBIG = 27,
  ENOSPC = 28,
  EROFS = 30,
  EDQUOT = 122,
  ECONNRESET = 104,
  ECONNREFUSED = 111,
  ETIMEDOUT = 110,
}

local shim

--- Builds the library; the sanitizers bring their own malloc, so it cannot be used with them.
---@return string path
function M.shim()
  assert(not build.sanitized, "no faults under the sanitizers")
  if shim then return shim end
  shim = fs.join(fs.temp_folder "/tmp/o2x-faults-", "shim.so")
  local built = proc.run {
    argv = { "cc", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-o", shim, "tests/faults/shim.c" },
    timeout = 120,
  }
  assert(built.code == 0, built.stderr)
  return shim
end

--- Removes the library again.
function M.forget()
  if shim then fs.remove_tree((shim:match "^(.*)/")) end
  shim = nil
end

--- The environment in which the Nth call of a name fails.
---@param call string "malloc", "write", "fsync", "link", "rename", "connect", "send" or "recv"
---@param n integer
---@param name string of the error
---@param on boolean? all later ones, too
---@return table<string, string> env
---@return fun(): boolean struck did it strike?
function M.env(call, n, name, on)
  local mark = os.tmpname()
  os.remove(mark)
  return {
    LD_PRELOAD = M.shim(),
    O2X_FAULT = ("%s:%d:%d%s"):format(call, n, M.ERRORS[name], on and ":on" or ""),
    O2X_FAULT_HIT = mark,
  }, function()
    local hit = fs.exists(mark)
    os.remove(mark)
    return hit
  end
end

--- The environment in which the time of day is another.
---@param text string "at:SECONDS" or "jump:SECONDS"
---@return table<string, string> env
function M.clock(text) return { LD_PRELOAD = M.shim(), O2X_CLOCK = text } end

return M
