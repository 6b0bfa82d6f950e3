--- The helm program: which one it is, and its version.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local kept = require "o2x.client.helm.kept"
local proc = require "o2x.base.proc"

local M = {}

local OLDEST_MINOR <const> = 13
local LARGEST_SCRIPT <const> = 64 << 10 -- bytes; helm itself has 50 MB
-- A script may start another helm tomorrow (asdf, mise, a wrapper): its version does not count for long.
local SCRIPT_SECONDS <const> = 600

local function ask(name, env)
  local r = proc.run { argv = { name, "version", "--template", "{{.Version}}" }, env = env, timeout = 20 }
  local version, major, minor = r.stdout:match "v?((%d+)%.?(%d*)[%w.+-]*)"
  if major == "3" and (tonumber(minor) or 0) >= OLDEST_MINOR then return version end
  errors.raise {
    kind = "input",
    module = "helm",
    op = "version",
    message = ("%s is version %s; o2x needs helm 3.%d or a later 3.x"):format(
      proc.find(name),
      version or "unknown",
      OLDEST_MINOR
    ),
    hint = "run vendor/bootstrap, or put a supported helm first on PATH",
  }
end

--- What tells one helm from another: the program's path, and which file is there.
---@param name string a name that is looked up in PATH, or a path
---@return table identity plain
function M.identity(name)
  local path = fs.realpath(proc.find(name))
  local stat = fs.stat(path)
  return { path, stat.device, stat.inode, stat.size, ("%.9f"):format(stat.mtime) }
end

local function is_script(name)
  local ok, text = pcall(fs.read, proc.find(name), LARGEST_SCRIPT)
  return ok and text:sub(1, 2) == "#!"
end

--- Helm's version: kept from an earlier time, or asked. An error of kind "input" if it is not supported.
---@param name string
---@param env table<string, string> for helm
---@param store table o2x.client.helm.kept
---@return string
function M.version(name, env, store)
  local identity = M.identity(name)
  local place, question = { "version", identity[1] }, kept.question(identity)
  local version = store:find(place, question, is_script(name) and SCRIPT_SECONDS or nil)
  if type(version) == "string" then return version end
  version = ask(name, env)
  store:keep(place, question, version)
  return version
end

return M
