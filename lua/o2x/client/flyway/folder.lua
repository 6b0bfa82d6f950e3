--- A folder of migrations: which of its files are migrations and callbacks, in which order, with which checksums.

local checksum = require "o2x.client.flyway.checksum"
local conf = require "o2x.client.flyway.conf"
local encoding = require "o2x.client.flyway.encoding"
local errors = require "o2x.base.error"
local names = require "o2x.client.flyway.names"
local script = require "o2x.client.flyway.script"
local version = require "o2x.client.flyway.version"

local M = {}

local TYPES = { versioned = "SQL", repeatable = "SQL", baseline = "SQL_BASELINE" }

local function refuse(message, hint, where)
  errors.raise { kind = "input", module = "flyway", message = message, hint = hint, where = where }
end

-- The configurations by the script that they belong to, whose name may differ in case.
local function configurations(files)
  local map = {}
  for path in pairs(files) do
    local of = path:lower():match "^(.*%.sql)%.conf$"
    if of then map[of] = path end
  end
  return map
end

-- A configuration that o2x cannot follow matters only when the script is to run.
local function configure(file, path, text)
  file.conf = {}
  if not path then return end
  local ok, result = pcall(conf.parse, text, path)
  if ok then
    file.conf = result
  else
    file.problem = result
  end
end

-- A callback's text matters only when it is to run; a migration's checksum is always looked at.
local function decode(file)
  local text, problem = encoding.decode(file.text, file.conf.encoding)
  if text then
    file.text = text:gsub("^\xEF\xBB\xBF", "")
    return
  end
  local hint = ("write the right encoding=… into %s.conf"):format(file.script)
  local refusal = { kind = "input", module = "flyway", message = problem, hint = hint, where = file.script }
  if file.kind ~= "callback" then errors.raise(refusal) end
  file.problem = errors.new(refusal)
end

-- Flyway replaces the placeholders of a repeatable migration before it takes the checksum, and accepts one that was
-- taken before.
local function add_checksums(file, values)
  local raw = checksum.of(file.text)
  if file.kind == "repeatable" and not file.program then
    file.checksum, file.equivalent = checksum.of(script.replaced(file, values)), raw
  else
    file.checksum = raw
  end
end

-- Java compares texts by their UTF-16 units: what needs two of them comes before U+E000 to U+FFFF.
local HIGH = { ["\xEE"] = "\xFE", ["\xEF"] = "\xFF" }
local function below(a, b) return a:gsub("[\xEE\xEF]", HIGH) < b:gsub("[\xEE\xEF]", HIGH) end

local function by_order(a, b)
  if a.version and b.version then
    local difference = version.compare(a.version, b.version)
    if difference ~= 0 then return difference < 0 end
    return a.kind == "versioned" and b.kind == "baseline"
  end
  if a.version or b.version then return a.version ~= nil end
  return below(a.description, b.description)
end

local function refuse_twins(list)
  for i = 2, #list do
    local a, b = list[i - 1], list[i]
    local same = a.kind == b.kind
    if same and a.version and version.compare(a.version, b.version) == 0 then
      refuse(("duplicate version %s: %s and %s"):format(b.version, a.script, b.script))
    elseif same and not a.version and a.description == b.description then
      refuse(("duplicate description '%s': %s and %s"):format(b.description, a.script, b.script))
    end
  end
end

local function refuse_twin_callbacks(list)
  local seen = {}
  for _, file in ipairs(list) do
    local name = file.event .. "__" .. file.description
    if seen[name] then refuse(("the same callback twice: %s and %s"):format(seen[name], file.script)) end
    seen[name] = file.script
  end
end

local function lowered(values)
  local map = {}
  for name, value in pairs(values or {}) do
    map[name:lower()] = value
  end
  return map
end

local function read(file, texts, confs, values)
  if file.unsupported then
    refuse(("%s is not supported"):format(file.unsupported), "name it V1.2__what_it_does.sql", file.script)
  end
  local path = confs[file.script:lower()]
  file.text = texts[file.script]
  configure(file, path, texts[path])
  decode(file)
  if file.kind == "callback" then
    file.checksum = checksum.of(file.text)
  else
    file.type = file.program and "SCRIPT" or TYPES[file.kind]
    add_checksums(file, values)
  end
end

---@class o2x.flyway.folder
---@field migrations table[] in the order in which they run: script, version?, description, type, checksum, equivalent?,
---  text, conf
---@field callbacks table[] script, event, description, checksum, text, conf
---@field strays o2x.flyway.file[] SQL files that are neither
---@field values table<string, string> the placeholders, their names in lower case

--- Turns a folder's files into migrations and callbacks. Statements are not looked at.
---@param files table<string, string> path below the folder → text; at least those that M.interesting names
---@param values table<string, string>? placeholders, with those that Flyway has by itself (flyway:database …)
---@return o2x.flyway.folder
function M.resolve(files, values)
  local folder = { migrations = {}, callbacks = {}, strays = {}, values = lowered(values) }
  local confs = configurations(files)
  for path in pairs(files) do
    local file = names.classify(path)
    if file and file.kind == "stray" then
      table.insert(folder.strays, file)
    elseif file then
      read(file, files, confs, folder.values)
      table.insert(file.kind == "callback" and folder.callbacks or folder.migrations, file)
    end
  end
  table.sort(folder.migrations, by_order)
  table.sort(folder.strays, function(a, b) return a.script < b.script end)
  table.sort(folder.callbacks, function(a, b)
    if a.description ~= b.description then return below(a.description, b.description) end
    return a.script < b.script
  end)
  refuse_twins(folder.migrations)
  refuse_twin_callbacks(folder.callbacks)
  return folder
end

--- Has the file to be read for resolve?
---@param path string below the folder
---@return boolean
function M.interesting(path) return path:lower():find "%.sql%.conf$" ~= nil or names.classify(path) ~= nil end

return M
