--- What the tenants' files say, each file read once: one tenant is compared with all others, a fleet each with each.

local lazy = require "o2x.base.lazy"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local git = lazy "o2x.base.git"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local suggest = require "o2x.base.suggest"
local yaml = lazy "o2x.base.yaml"

local M = {}

local MAX_FILE <const> = 1024 * 1024 -- bytes

--- The folder of the tenants' files. A project says where its platform is: nothing is taken instead.
---@param config table
---@return string path
function M.folder(config)
  if not config.platform then
    errors.input(
      "no platform: this project does not say where its platform tree is",
      "write platform: FOLDER into o2x.yaml beside runbooks/, or set O2X_PLATFORM; o2x config explain shows what is set"
    )
  end
  return fs.join(config.platform, "tenants")
end

--- The file of a tenant.
---@param config table
---@param name string
---@return string path
function M.path(config, name) return fs.join(M.folder(config), name .. ".yaml") end

--- The names of all files of tenants, sorted; not each must be a name that a tenant can have.
---@param config table
---@return string[]
function M.names(config)
  local names = {}
  if not config.platform or not fs.is_folder(M.folder(config)) then return names end
  local folder = M.folder(config)
  for _, file in ipairs(fs.list(folder)) do
    names[#names + 1] = file:match("^(.+)%.yaml$")
  end
  return names
end

--- Raises: there is no file of this tenant. Git may have it, and leave it out of a sparse checkout.
---@param config table
---@param name string
---@param option string? of the command line, in front of the message
---@param otherwise string? the hint where git does not have it
function M.unknown(config, name, option, otherwise)
  local path = M.path(config, name)
  local bring = fs.is_folder(config.platform) and git.at(config.platform):left_out(("tenants/%s.yaml"):format(name))
  if bring then errors.input("git has this tenant's file and leaves it out of this checkout", bring, path) end
  errors.raise {
    kind = "input",
    code = "no_tenant",
    message = ("%sunknown tenant %s%s"):format(option or "", name, suggest.did_you_mean(name, M.names(config))),
    hint = otherwise or "its file does not exist: " .. path,
  }
end

--- Can a text be a tenant's name? It becomes part of paths, keys and host names; the platform may ask for more
--- (name_problem of stdlib/platform.lua).
---@param name any
---@return boolean
function M.is_name(name)
  return type(name) == "string" and #name <= 63 and name:match("^%l[%l%d-]*$") ~= nil and not name:match("%-$")
end

local function read(path)
  local document = yaml.read(fs.read(path, MAX_FILE), path, { exact = true })
  if type(document) ~= "table" or json.is_array(document) and #document > 0 then
    errors.input("expected a map", nil, path)
  end
  return document
end

--- What platform.yaml says.
---@param config table
---@return table
function M.platform(config)
  local path = fs.join(fs.folder(M.folder(config)), "platform.yaml")
  if not fs.exists(path) then
    errors.input("no platform.yaml in this folder", "set O2X_PLATFORM to the platform tree", config.platform)
  end
  return read(path)
end

local Files = {}
Files.__index = Files

--- Reads all files that say what the tenants are. Who loads several tenants passes the same to each.
---@param config table
---@return table files
function M.read(config)
  local files = setmetatable({ settings = M.platform(config), list = {}, by_name = {}, by_id = {}, notes = {} }, Files)
  files.surveys = setmetatable({}, { __mode = "k" }) -- the platform's functions → what they made of the files
  for _, name in ipairs(M.names(config)) do
    files:add(config, name)
  end
  return files
end

-- tenant is the name of the file, name is what it says in it. A broken file must not block runs for the others; what
-- follows from its name is still that tenant's. A copy such as urbanos.bak.yaml has a name that no tenant can have.
--- Reads the file of one tenant.
---@param config table
---@param name string
function Files:add(config, name)
  local path = M.path(config, name)
  if not M.is_name(name) then
    self.notes[#self.notes + 1] = { text = ("note: skipped %s: no tenant can have this name"):format(path) }
    return
  end
  local ok, file = xpcall(read, errors.handler, path)
  local entry = { tenant = name, where = path, file = ok and file or {}, name = name }
  if ok then
    entry.name, entry.id = file.name or name, file.id
  else
    self.notes[#self.notes + 1] =
      { tenant = name, error = file, text = "note: skipped a broken tenant file: " .. tostring(file) }
  end
  self.list[#self.list + 1], self.by_name[name] = entry, entry
  if entry.id ~= nil and entry.id == entry.id then
    self.by_id[entry.id] = self.by_id[entry.id] or {}
    table.insert(self.by_id[entry.id], entry)
  end
end

--- Puts a file in the place of the one on the disk: it is to be written, or there is none yet.
---@param config table
---@param name string
---@param file table what it says
function Files:put(config, name, file)
  local entry = self.by_name[name]
  if not entry then
    entry = { tenant = name, where = M.path(config, name) }
    self.list[#self.list + 1], self.by_name[name] = entry, entry
  end
  entry.file, entry.name, entry.id = file, file.name or name, file.id
  for i = #self.notes, 1, -1 do
    if self.notes[i].tenant == name then table.remove(self.notes, i) end
  end
end

--- What one tenant's file says; raises what is wrong with it.
---@param name string
---@return table
function Files:of(name)
  for _, note in ipairs(self.notes) do
    if note.tenant == name then error(note.error, 0) end
  end
  return self.by_name[name].file
end

-- Says once what is wrong with other files than a tenant's own.
local function tell(files, name)
  for _, note in ipairs(files.notes) do
    if note.tenant ~= name and not note.told then
      note.told = true
      out.say(note.text)
    end
  end
end

--- What the platform gets to know of the other tenants when it loads one: its own survey of all files, made once, or
--- the list of the others where it makes none.
---@param platform table stdlib/platform.lua
---@param name string of the tenant
---@return table
function Files:others(platform, name)
  tell(self, name)
  if platform.survey then
    self.surveys[platform] = self.surveys[platform] or platform.survey(self.settings, self.list)
    return self.surveys[platform]
  end
  local list = {}
  for _, entry in ipairs(self.list) do
    if entry.tenant ~= name then list[#list + 1] = entry end
  end
  return list
end

--- Another tenant whose file has an id.
---@param id any
---@param name string of the tenant that may have it
---@return {name: string, where: string}?
function Files:owner(id, name)
  for _, entry in ipairs(self.by_id[id] or {}) do
    if entry.tenant ~= name then return entry end
  end
end

return M
