--- Finds runbooks: runbooks/NAME.lua, older versions as NAME@1.lua, tenants' own in runbooks/tenants/TENANT/.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local suggest = require "o2x.base.suggest"

local M = {}

-- Files next to the runbooks that are not runbooks.
local OTHERS = { hooks = true }

--- Can a text be the name of a runbook?
---@param name string
---@return boolean
function M.is_name(name) return #name <= 63 and name:match("^[%l%d][%l%d-]*$") ~= nil and not OTHERS[name] end

local function names_in(folder)
  local names = {}
  if not fs.is_folder(folder) then return names end
  for _, file in ipairs(fs.list(folder)) do
    local name = file:match("^([%l%d][%w@.-]*)%.lua$")
    if name and not OTHERS[name] then names[#names + 1] = name end
  end
  return names
end

--- The names of the project's runbooks, sorted.
---@param project table
---@return string[]
function M.names(project) return names_in(project.runbooks) end

--- The names that a run may be started with: the project's runbooks, and those that only a tenant has.
---@param project table
---@return string[] names each once
function M.all(project)
  local names, seen = M.names(project), {}
  for _, name in ipairs(names) do
    seen[name] = true
  end
  for _, own in ipairs(M.overrides(project)) do
    if not seen[own.name] then names[#names + 1] = own.name end
    seen[own.name] = true
  end
  return names
end

-- A declared text on a line of its own. Help is wanted fast, and of a runbook that does not load as well.
local function declared(text, field)
  local at = text:find("\n  " .. field .. ' = "', 1, true)
  return at and text:match('"([^"\n]*)"', at)
end

--- What to type when something is down: the runbooks that declare `emergency`.
---@param project table
---@return {name: string, words: string, summary: string}[]
function M.emergencies(project)
  local list = {}
  for _, name in ipairs(M.names(project)) do
    local text = fs.read(fs.join(project.runbooks, name .. ".lua"))
    local words = not name:find("@", 1, true) and declared(text, "emergency")
    if words then list[#list + 1] = { name = name, words = words, summary = declared(text, "summary") or "" } end
  end
  return list
end

--- The file of hooks around all runs, if there is one.
---@param project table
---@return string? path
function M.hooks(project)
  local path = fs.join(project.runbooks, "hooks.lua")
  return fs.exists(path) and path or nil
end

--- All overrides: which runbook, for which tenant.
---@param project table
---@return {name: string, tenant: string, path: string}[]
function M.overrides(project)
  local list = {}
  local folder = fs.join(project.runbooks, "tenants")
  if not fs.is_folder(folder) then return list end
  for _, tenant in ipairs(fs.list(folder)) do
    for _, name in ipairs(names_in(fs.join(folder, tenant))) do
      list[#list + 1] = { name = name, tenant = tenant, path = fs.join(folder, tenant, name .. ".lua") }
    end
  end
  return list
end

local function is_file(path)
  local stat = fs.stat(path)
  return stat ~= nil and stat.type == "file"
end

-- The tenant that a file below runbooks/tenants/ belongs to, or nil.
local function owner(project, path)
  local folder = fs.join(fs.exists(project.runbooks) and fs.realpath(project.runbooks) or project.runbooks, "tenants")
    .. "/"
  return path:sub(1, #folder) == folder and path:sub(#folder + 1):match("^([^/]+)/") or nil
end

local function missing(project, word)
  local name = fs.name(word):gsub("%.lua$", "")
  local names = M.names(project)
  errors.input(
    ("unknown runbook %s%s"):format(word, suggest.did_you_mean(name, names)),
    #names > 0 and "runbooks: " .. table.concat(names, ", ") or "create one: o2x new NAME"
  )
end

-- The tenant's own version of a standard runbook, or a runbook that only this tenant has.
local function override(project, word, standard, tenant)
  local is_standard = not standard or fs.folder(standard) == fs.realpath(project.runbooks)
  if not is_standard then return nil end
  local path = fs.join(project.runbooks, "tenants", tenant, fs.name(standard or word):gsub("%.lua$", "") .. ".lua")
  return is_file(path) and fs.realpath(path) or nil
end

--- The tenant's own version of a runbook, if there is one.
---@param project table
---@param file string path of the runbook, the standard one or that version itself
---@param tenant string
---@return string? path
function M.own(project, file, tenant)
  local standard = fs.join(project.runbooks, fs.name(file))
  return override(project, file, is_file(standard) and fs.realpath(standard) or nil, tenant)
end

--- The file of a runbook, given by name ("onboard", "onboard@1") or path ("runbooks/onboard.lua").
---@param project table
---@param word string
---@param tenant string? whose own version comes first
---@return string path
function M.find(project, word, tenant)
  if word:find("[%c]") or word == "" then errors.input("invalid runbook name " .. ("%q"):format(word)) end
  local is_path = word:find("/", 1, true) or word:match("%.lua$")
  local path = is_path and word or fs.join(project.runbooks, word .. ".lua")
  local found = is_file(path) and fs.realpath(path) or nil
  local own = tenant and (found or not is_path) and override(project, word, found, tenant)
  if own then return own end
  if not found then missing(project, word) end
  local whose = owner(project, found)
  if whose and tenant and whose ~= tenant then
    errors.input(("this runbook belongs to tenant %s, the run is for %s"):format(whose, tenant), nil, word)
  end
  return found
end

return M
