--- Tenants: a file each, in the platform tree. What a tenant is and may touch is the platform's to say
--- (stdlib/platform.lua); here its file is found, read and handed over.

local errors = require "o2x.error"
local fs = require "o2x.fs"
local json = require "o2x.json"
local nearest = require "o2x.nearest"
local yaml = require "o2x.yaml"

local M = {}

--- Refuses a name that could be anything but a name, before it becomes part of a path.
---@param name any
function M.check_name(name)
  if type(name) == "string" and #name <= 63 and name:match("^%l[%l%d-]*$") and not name:match("%-$") then return end
  local shown = tostring(name):sub(1, 80):gsub("[%c]", "?")
  errors.input(("%q is no tenant's name: small letters, digits and hyphens, 63 at most, a letter first"):format(shown))
end

local function folder_of(config) return fs.join(config.platform, "tenants") end

--- The names of all tenants that have a file, sorted.
---@param config table
---@return string[]
function M.names(config)
  local names = {}
  local folder = folder_of(config)
  if not fs.is_folder(folder) then return names end
  for _, file in ipairs(fs.list(folder)) do names[#names + 1] = file:match("^(.+)%.yaml$") end
  return names
end

local function read(path)
  local document = yaml.decode(fs.read(path, 1024 * 1024), path)
  if type(document) ~= "table" or document == json.null or json.is_array(document) and #document > 0 then
    errors.input("a map expected", nil, path)
  end
  return document
end

-- All that the platform needs to judge one tenant: its own settings, and the other tenants' files.
local function world(config)
  local platform = fs.join(config.platform, "platform.yaml")
  if not fs.exists(platform) then
    errors.input("there is no platform.yaml here", "set platform (O2X_PLATFORM) to the platform tree", config.platform)
  end
  local tenants = {}
  for _, name in ipairs(M.names(config)) do tenants[name] = read(fs.join(folder_of(config), name .. ".yaml")) end
  return { platform = read(platform), tenants = tenants, folder = config.platform }
end

-- A refusal by stdlib/platform.lua is about the tenant's file: bad input.
local function judged(where, fn, ...)
  local ok, result = xpcall(fn, errors.handler, ...)
  if ok then return result end
  if result.kind ~= "failed" then error(result, 0) end
  local message = result.message
  local own = message:sub(1, #where) == where
  errors.input(message, result.hint, not own and where or nil)
end

--- Loads a tenant.
---@param sandbox table
---@param config table
---@param name string
---@return table tenant as stdlib/platform.lua made it
---@return table platform the functions of stdlib/platform.lua
function M.load(sandbox, config, name)
  M.check_name(name)
  local path = fs.join(folder_of(config), name .. ".yaml")
  if not fs.exists(path) then
    local names = M.names(config)
    errors.input(("there is no tenant %s%s"):format(name, nearest.suggest(name, names)),
      ("its file would be %s"):format(path))
  end
  local platform = sandbox:require("stdlib.platform")
  local known = world(config)
  return judged(path, platform.load, name, known.tenants[name], path, known), platform
end

return M
