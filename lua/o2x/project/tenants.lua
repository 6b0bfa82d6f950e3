--- Tenants: a file each, in the platform tree. What a tenant is and may touch is the platform's to say
--- (stdlib/platform.lua); here its file is found, read and handed over.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local lazy = require "o2x.base.lazy"
local suggest = require "o2x.base.suggest"
local out = require "o2x.report.out"
local yaml = lazy "o2x.base.yaml"

---@class o2x.tenant
---@field name string the name of its file
---@field id string? set once, by the runbook that allocates it; every other field is read-only
---@field company string
---@field environment string
---@field region string
---@field domain string
---@field database string
---@field namespace string
---@field platform table what platform.yaml says
---@field secrets table what the secrets source gave; each leaf is an opaque secret
---@field [string] any other fields of tenants/NAME.yaml

local M = {}

--- Can a text be a tenant's name? It becomes part of paths, keys and host names; the platform may ask for more
--- (name_problem of stdlib/platform.lua).
---@param name any
---@return boolean
function M.is_name(name)
  return type(name) == "string" and #name <= 63 and name:match("^%l[%l%d-]*$") ~= nil and not name:match("%-$")
end

--- Refuses a text that cannot be a tenant's name, before it becomes part of a path.
---@param name any
function M.check_name(name)
  if M.is_name(name) then return end
  local shown = tostring(name):sub(1, 80):gsub("[%c]", "?")
  errors.input(("tenant name '%s': small letters, digits and hyphens, a letter first, 63 at most"):format(shown))
end

local function folder_of(config) return fs.join(config.platform, "tenants") end

--- The names of all tenants that have a file, sorted.
---@param config table
---@return string[]
function M.names(config)
  local names = {}
  local folder = folder_of(config)
  if not fs.is_folder(folder) then return names end
  for _, file in ipairs(fs.list(folder)) do
    names[#names + 1] = file:match("^(.+)%.yaml$")
  end
  return names
end

local function read(path)
  local document = yaml.decode(fs.read(path, 1024 * 1024), path)
  if type(document) ~= "table" or document == json.null or json.is_array(document) and #document > 0 then
    errors.input("a map expected", nil, path)
  end
  return document
end

local function read_platform(config)
  local path = fs.join(config.platform, "platform.yaml")
  if not fs.exists(path) then
    errors.input("there is no platform.yaml here", "set platform (O2X_PLATFORM) to the platform tree", config.platform)
  end
  return read(path)
end

-- What the other tenants' files say of who they are.
local function others(config, name)
  local list = {}
  for _, other in ipairs(M.names(config)) do
    if other ~= name then
      local path = fs.join(folder_of(config), other .. ".yaml")
      local ok, file = xpcall(read, errors.handler, path)
      -- One tenant's broken file must not keep the others from being served.
      if not ok then out.say("note: left out of account: " .. tostring(file)) end
      list[#list + 1] = ok and { name = file.name or other, id = file.id, where = path } or nil
    end
  end
  return list
end

local function copy(value)
  if type(value) ~= "table" or value == json.null then return value end
  local result = {}
  for key, item in next, value do
    result[key] = copy(item)
  end
  return result
end

-- Brings the granted lists up to date where they are, because clients hold on to them.
local function replace_in_place(old, new)
  for key in next, old do
    if new[key] == nil then old[key] = nil end
  end
  for key, item in next, new do
    if type(item) == "table" and type(old[key]) == "table" then
      replace_in_place(old[key], item)
    else
      old[key] = item
    end
  end
end

local function refuse_id(id, known)
  if type(id) ~= "string" or id == "" then errors.raise { kind = "refused", message = "tenant.id: a text expected" } end
  for _, other in ipairs(known) do
    if other.id == id then
      errors.raise { kind = "refused", message = ("tenant.id: %s is %s's"):format(id, other.name), where = other.where }
    end
  end
end

-- Scripts get the tenant to read. The one thing they may say is its id, once, when it has been allocated; the grants
-- that depend on it follow. They are made from a copy that scripts cannot reach.
local function guarded(tenant, platform, known)
  local own = copy(tenant)
  local scope = platform.grants(own)
  local function assign(name, id)
    if name ~= "id" or (own.id ~= nil and own.id ~= id) then
      errors.raise { kind = "refused", message = ("tenant.%s cannot be changed"):format(tostring(name)) }
    end
    if own.id == id then return end
    refuse_id(id, known)
    own.id, tenant.id = id, id
    replace_in_place(scope, platform.grants(copy(own)))
  end
  return frozen.new(tenant, nil, assign), scope
end

--- Loads a tenant.
---@param sandbox table
---@param config table
---@param name string
---@return table tenant read-only but for its id
---@return table scope what a run for it may touch; changes in place when the tenant gets its id
---@return table contents of the tenant, for the engine to add to
function M.load(sandbox, config, name)
  M.check_name(name)
  local platform = sandbox:require("stdlib.platform")
  local problem = platform.name_problem and platform.name_problem(name)
  if problem then errors.input(problem.message, problem.hint, problem.where) end
  local settings = read_platform(config)
  local path = fs.join(folder_of(config), name .. ".yaml")
  if not fs.exists(path) then
    errors.input(
      ("there is no tenant %s%s"):format(name, suggest.did_you_mean(name, M.names(config))),
      "its file would be " .. path
    )
  end
  local known = others(config, name)
  local tenant
  tenant, problem = platform.load(name, settings, read(path), path, known)
  if not tenant then errors.input(problem.message, problem.hint, problem.where or path) end
  local guard, scope = guarded(tenant, platform, known)
  return guard, scope, tenant
end

return M
