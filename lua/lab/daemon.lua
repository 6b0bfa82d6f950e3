--- Real servers of the lab: who they run as, where their data is, and how they are started and ended. They outlive the
--- lab's own process, so whatever is known of them is in files.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local function fail(message, hint, where)
  errors.raise { kind = "failed", module = "lab", message = message, hint = hint, where = where }
end

--- Are we root? Then the servers get a user of their own: neither of them should, and PostgreSQL will not, run as root.
---@return boolean
function M.is_root() return fs.stat("/proc/self").uid == 0 end

local function user_exists(name) return proc.run({ argv = { "id", "-u", name } }).code == 0 end

--- The user that a server runs as: the first of the names that there is, or ourselves if we are not root.
---@param names string[]
---@return string|nil
function M.user(names)
  if not M.is_root() then return nil end
  for _, name in ipairs(names) do
    if user_exists(name) then return name end
  end
  fail(
    "no user to run the lab's servers as: " .. table.concat(names, ", "),
    "run the lab as an ordinary user, or add one of these"
  )
end

local function as_user(user, options)
  if user then
    options.argv = { "runuser", "-u", user, "--", table.unpack(options.argv) }
    options.cwd = options.cwd or "/"
  end
  return options
end

--- Runs a program as the server's user.
---@param user string|nil of M.user
---@param options table of proc.run
---@return table result of proc.run
function M.run(user, options) return proc.run(as_user(user, options)) end

--- Starts a server that goes into the background by itself.
---@param user string|nil
---@param options table of proc.start; log gets what it says before it is in the background
---@param what string for the message
function M.launch(user, options, what)
  fs.remove(options.log)
  options.detached = true -- what is not detached ends with its group, and the server's first moments are in it
  local child <close> = proc.start(as_user(user, options))
  if proc.wait(child, 30) == 0 then return end
  local said = fs.read_if(options.log) or ""
  fail(("%s: %s"):format(what, said:match "([^\n]*)%s*$"), nil, options.log)
end

--- Runs a program as the server's user; its failure is an error.
---@param user string|nil
---@param options table
---@param what string for the message
---@return table result
function M.must(user, options, what)
  local result = M.run(user, options)
  if result.code == 0 then return result end
  local said = (result.stderr ~= "" and result.stderr or result.stdout):gsub("%s+$", "")
  fail(("%s: %s"):format(what, said:match("([^\n]*)$")))
end

--- Does the process run, with this word among its arguments? A zombie has no arguments.
---@param pid string|integer
---@param word string
---@return boolean
function M.is_running(pid, word)
  local ok, line = pcall(fs.read_if, ("/proc/%s/cmdline"):format(pid))
  return ok and line ~= nil and ("\0" .. line):find("\0" .. word .. "\0", 1, true) ~= nil
end

-- Where another user can reach it: the lab's own folder may be in a home that is closed to others.
local function shared_root(lab) return "/var/tmp/o2x-lab-" .. crypto.sha256(lab.dir):sub(1, 16) end

--- The path of a server's folder, whether it is there or not.
---@param lab table
---@param name string
---@param user string|nil
---@return string
function M.path(lab, name, user) return fs.join(user and shared_root(lab) or lab.dir, name) end

--- Makes a server's folder, its user's own and closed to others.
---@param lab table
---@param name string
---@param user string|nil
---@return string path
function M.folder(lab, name, user)
  local path = M.path(lab, name, user)
  if not user then
    fs.mkdir(path, 0x1c0)
    return path
  end
  local root = fs.folder(path)
  local found = fs.stat(root, false)
  -- A name below /var/tmp can be guessed: what somebody else put there is not ours.
  if found and (found.type ~= "folder" or found.uid ~= 0) then fail("is not ours", "remove it", root) end
  M.must(nil, { argv = { "install", "-d", "-m", "711", root } }, root)
  M.must(nil, { argv = { "install", "-d", "-m", "700", "-o", user, path } }, path)
  return path
end

--- Writes a file that only the server's user can read.
---@param path string
---@param text string|userdata
---@param user string|nil
function M.write(path, text, user)
  fs.write(path, text, { mode = 0x180 })
  if user then M.must(nil, { argv = { "chown", user, path } }, path) end
end

--- Removes a server's folder. The one that holds those of all servers stays: others may be about to make theirs in it.
---@param lab table
---@param name string
---@param user string|nil
function M.clear(lab, name, user)
  local path = M.path(lab, name, user)
  if fs.exists(path) then fs.remove_tree(path) end
end

--- Removes a server's folder, and the one that holds those of all servers when it was the last.
---@param lab table
---@param name string
---@param user string|nil
function M.remove(lab, name, user)
  M.clear(lab, name, user)
  local root = fs.folder(M.path(lab, name, user))
  if user and fs.exists(root) and #fs.list(root) == 0 then fs.remove(root) end
end

--- A new password for the lab.
---@return string
function M.password() return crypto.hex(crypto.random(16)) end

return M
