--- The folders that variables name. An empty variable counts as unset, and one that is not absolute too, as the XDG
--- base directory specification demands: it would mean another folder in each working directory.

local M = {}

---@param name string of the variable
---@param env table<string, string>? the environment; the program's own if absent
---@return string? path
local function folder(name, env)
  local path
  if env then
    path = env[name]
  else
    path = os.getenv(name)
  end
  return path and path:sub(1, 1) == "/" and path or nil
end

local function below_home(variable, name, env)
  local home = M.home(env)
  return folder(variable, env) or home and home:gsub("/+$", "") .. "/" .. name or nil
end

--- The user's home; nil if there is none, as for some services.
---@param env table<string, string>?
---@return string? path
function M.home(env) return folder("HOME", env) end

--- Where the user's configuration is; nil without a home.
---@param env table<string, string>?
---@return string? path
function M.config(env) return below_home("XDG_CONFIG_HOME", ".config", env) end

--- Where what can be made again is kept; nil without a home.
---@param env table<string, string>?
---@return string? path
function M.cache(env) return below_home("XDG_CACHE_HOME", ".cache", env) end

--- Where temporary files go.
---@return string path
function M.temporary() return folder "TMPDIR" or "/tmp" end

return M
