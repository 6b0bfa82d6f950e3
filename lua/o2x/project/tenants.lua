--- Finds and reads the tenants' files in the platform tree. stdlib/platform.lua decides what a tenant is and what a run
--- for it may touch.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local fs = require "o2x.base.fs"
local snapshot = require "o2x.base.snapshot"
local secret = require "o2x.base.secret"
local unknown = require "o2x.base.unknown"
local out = require "o2x.report.out"
local tenant_files = require "o2x.project.tenant_files"
local words = require "o2x.core.words"

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

M.is_name, M.names, M.folder = tenant_files.is_name, tenant_files.names, tenant_files.folder

--- Raises an error for a text that cannot be a tenant's name, before it becomes part of a path.
---@param name any
function M.check_name(name)
  if M.is_name(name) then return end
  local shown = tostring(name):sub(1, 80):gsub("[%c]", "?")
  errors.input(
    ("invalid tenant name '%s': lowercase letters, digits and hyphens, starting with a letter, at most 63"):format(
      shown
    )
  )
end

--- The files that say what a tenant is.
---@param config table
---@param name string
---@return string[] paths
function M.files(config, name) return { fs.join(config.platform, "platform.yaml"), tenant_files.path(config, name) } end

-- Updates the granted lists in place, because clients keep references to them.
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

local function check_id(id, platform, files, name)
  if type(id) ~= "string" or id == "" then errors.raise { kind = "refused", message = "tenant.id: expected a text" } end
  local problem = platform.id_problem and platform.id_problem(id)
  if problem then errors.raise { kind = "refused", message = "tenant.id: " .. problem.message, hint = problem.hint } end
  local other = files:owner(id, name)
  if other then
    local message = ("tenant.id: %s belongs to %s"):format(id, other.name)
    errors.raise { kind = "refused", message = message, where = other.where }
  end
end

-- Scripts get a read-only tenant. They may set its id once, after it was allocated; the grants that depend on it
-- follow. The grants are computed from a copy that scripts cannot reach.
local function guarded(tenant, platform, files, confirm)
  local function grants(of)
    return snapshot.take(platform.grants(snapshot.take(of, "the tenant")), "stdlib/platform.lua: grants")
  end
  local own = snapshot.take(tenant, "the tenant")
  local scope = grants(own)
  local function refuse(message) errors.raise { kind = "refused", message = message } end
  local function assign(name, id)
    if name ~= "id" then refuse(("tenant.%s is read-only"):format(tostring(name))) end
    if own.id == id and id ~= nil then return end
    -- A plan that could not allocate or find the id goes on with what does not need it: scripts see that it is unknown,
    -- and nothing is granted by it.
    if unknown.is(id) and not own.id then
      tenant.id = id
      return
    end
    check_id(id, platform, files, tenant.name)
    if own.id then refuse(("tenant.id is already set to %s"):format(own.id)) end
    if confirm then confirm(id) end
    own.id, tenant.id = id, id
    secret.publish(id)
    replace_in_place(scope, grants(own))
  end
  for _, name in ipairs { "name", "id", "environment" } do
    if type(tenant[name]) == "string" then secret.publish(tenant[name]) end -- a service may store it beside secrets
  end
  return frozen.new(tenant, nil, assign), scope
end

-- "PATH:LINE" of a field such as "overrides.database", or of a text in it; the path alone if the file has neither.
local function place_of(path, field, text)
  local part, inner = tostring(field):match("^([^.]+)%.?(.*)$")
  local number, found, exact, inside = 0, nil, nil, false
  for line in (fs.read(path) .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    local name = line:match("^[\"']?([%w_]+)[\"']?%s*:")
    if name then inside = name == part end
    if name == part or inside and inner ~= "" and line:match("^%s+([%w_]+)%s*:") == inner then found = number end
    if inside and text and line:lower():find(text:lower(), 1, true) then exact = exact or number end
  end
  found = exact or found
  return found and ("%s:%d"):format(path, found) or path
end

--- Where a tenant's file has a field.
---@param config table
---@param name string of the tenant
---@param field string such as "domain" or "overrides.database"
---@return string where "PATH:LINE", or the path alone
function M.place(config, name, field) return place_of(tenant_files.path(config, name), field) end

-- The tenant that the platform makes of a file.
local function make(platform, files, name, path)
  local file = files:of(name)
  local tenant, problem, notes =
    platform.load(name, files.settings, file, path, files:others(platform, name), words.of(file))
  if not tenant then
    local where = problem.field and place_of(path, problem.field, problem.text) or problem.where or path
    errors.input(problem.message, problem.hint, where)
  end
  for _, note in ipairs(notes or {}) do
    out.say("note: " .. note)
  end
  return tenant
end

-- The platform's functions, after they have agreed with the tenant's name and before any file is opened.
local function platform_for(sandbox, name)
  M.check_name(name)
  local platform = sandbox:require("stdlib.platform")
  local problem = platform.name_problem and platform.name_problem(name)
  if problem then errors.input(problem.message, problem.hint, problem.where) end
  return platform
end

-- All files, once the tenant has one. A runbook that makes the file goes on with a draft until then.
local function files_with(config, name, files, draft)
  files = files or tenant_files.read(config)
  local path = tenant_files.path(config, name)
  if not files.by_name[name] and draft then files:put(config, name, draft(name, files.settings)) end
  if files.by_name[name] then return files, path end
  tenant_files.unknown(config, name)
end

--- The fields of a tenant that are texts, numbers or booleans, by which a fleet is selected. Its file is checked as
--- for a run.
---@param sandbox table
---@param config table
---@param name string
---@param files table? of tenant_files.read
---@return table<string, any> fields
function M.fields(sandbox, config, name, files)
  local platform = platform_for(sandbox, name)
  local all, path = files_with(config, name, files)
  local fields = {}
  for field, value in pairs(make(platform, all, name, path)) do
    if type(value) ~= "table" then fields[field] = value end
  end
  return fields
end

--- Loads a tenant. Without `files`, the files of all tenants are read: no two may have the same names, and only the
--- files say what each has.
---@param sandbox table
---@param config table
---@param name string
---@param confirm (fun(id: string))? raises if the tenant may not have this id, which a script gives it
---@param files table? of tenant_files.read
---@param adopts boolean? for a runbook that makes the tenant's file: there may be none
---@return table tenant read-only except for its id
---@return table scope what a run for it may touch; changes in place when the tenant gets its id
---@return table contents of the tenant, for the engine to add to
function M.load(sandbox, config, name, confirm, files, adopts)
  local platform = platform_for(sandbox, name)
  local all, path = files_with(config, name, files, adopts and platform.draft)
  local tenant = snapshot.take(make(platform, all, name, path), "stdlib/platform.lua: load")
  tenant.adopting = adopts
  local guard, scope = guarded(tenant, platform, all, confirm)
  return guard, scope, tenant
end

return M
