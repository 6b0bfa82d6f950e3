--- Real servers of the lab: the user they run as, their data folders, and how they start and stop. They outlive the
--- lab's process, so their state is in files.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local function fail(message, hint, where)
  errors.raise { kind = "failed", module = "lab", message = message, hint = hint, where = where }
end

--- Whether this process runs as root. Then the servers run as another user: PostgreSQL refuses to run as root.
---@return boolean
function M.is_root() return fs.stat("/proc/self").uid == 0 end

local function user_exists(name) return proc.run({ argv = { "id", "-u", name } }).code == 0 end

--- The user that a server runs as.
---@param names string[] candidates; the first that exists is taken
---@return string|nil user nil: the current user, who is not root
function M.user(names)
  if not M.is_root() then return nil end
  for _, name in ipairs(names) do
    if user_exists(name) then return name end
  end
  fail(
    "the lab's servers cannot run as root, and none of these users exists: " .. table.concat(names, ", "),
    "run the lab as an ordinary user, or create one of these"
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

--- Starts a program as the server's user, as a child of this process.
---@param user string|nil
---@param options table of proc.start
---@return userdata child
function M.start(user, options) return proc.start(as_user(user, options)) end

--- Starts a server that daemonizes itself.
---@param user string|nil
---@param options table of proc.start; `log` gets the output until then
---@param what string for the message
function M.launch(user, options, what)
  fs.remove(options.log)
  options.detached = true -- otherwise the server, until it daemonizes, would be killed with our process group
  local child <close> = proc.start(as_user(user, options))
  if proc.wait(child, 30) == 0 then return end
  local output = fs.read_if(options.log) or ""
  fail(("%s: %s"):format(what, output:match "([^\n]*)%s*$"), nil, options.log)
end

--- Runs a program as the server's user and raises an error if it fails.
---@param user string|nil
---@param options table
---@param what string for the message
---@return table result
function M.must(user, options, what)
  local result = M.run(user, options)
  if result.code == 0 then return result end
  local output = (result.stderr ~= "" and result.stderr or result.stdout):gsub("%s+$", "")
  fail(("%s: %s"):format(what, output:match("([^\n]*)$")))
end

--- Whether the process runs with this argument. A zombie has no arguments.
---@param pid string|integer
---@param argument string
---@return boolean
function M.is_running(pid, argument)
  local ok, line = pcall(fs.read_if, ("/proc/%s/cmdline"):format(pid))
  return ok and line ~= nil and ("\0" .. line):find("\0" .. argument .. "\0", 1, true) ~= nil
end

local MEMORY <const> = "/dev/shm" -- a file system in memory, for a lab that keeps nothing

-- A folder that another user can reach: the lab's own may be in a private home.
local function shared_root(lab)
  local parent = lab.memory and fs.is_folder(MEMORY) and MEMORY or "/var/tmp"
  return ("%s/o2x-lab-%s"):format(parent, crypto.sha256(lab.dir):sub(1, 16))
end

--- The path of a server's data folder, which need not exist.
---@param lab table
---@param name string
---@param user string|nil
---@return string
function M.path(lab, name, user) return fs.join((user or lab.memory) and shared_root(lab) or lab.dir, name) end

--- Creates a server's data folder, owned by its user with mode 0700.
---@param lab table
---@param name string
---@param user string|nil
---@return string path
function M.folder(lab, name, user)
  local path = M.path(lab, name, user)
  local root = fs.folder(path)
  local found = root ~= lab.dir and fs.stat(root, false)
  -- The name below /var/tmp can be guessed, so somebody else may have created it.
  if found and (found.type ~= "folder" or found.uid ~= fs.user()) then
    fail("belongs to another user", "remove it", root)
  end
  if not user then
    fs.mkdir(path, 0x1c0)
    return path
  end
  M.must(nil, { argv = { "install", "-d", "-m", "711", root } }, root)
  M.must(nil, { argv = { "install", "-d", "-m", "700", "-o", user, path } }, path)
  return path
end

--- Writes a file, owned by the server's user with mode 0600.
---@param path string
---@param text string|userdata
---@param user string|nil
function M.write(path, text, user)
  fs.write(path, text, { mode = 0x180 })
  if user then M.must(nil, { argv = { "chown", user, path } }, path) end
end

--- Removes a server's data folder. Its parent stays: other servers may be about to create theirs in it.
---@param lab table
---@param name string
---@param user string|nil
function M.clear(lab, name, user)
  local path = M.path(lab, name, user)
  if fs.exists(path) then fs.remove_tree(path) end
end

--- Removes a server's data folder, and its parent if it was the last one.
---@param lab table
---@param name string
---@param user string|nil
function M.remove(lab, name, user)
  M.clear(lab, name, user)
  local root = fs.folder(M.path(lab, name, user))
  if root ~= lab.dir and fs.exists(root) and #fs.list(root) == 0 then fs.remove(root) end
end

--- A random password.
---@return string
function M.password() return crypto.hex(crypto.random(16)) end

return M
