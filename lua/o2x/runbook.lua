--- Runbooks: finding them, loading them, and checking what they declare. Loading does nothing else.

local effects = require "o2x.effects"
local errors = require "o2x.error"
local fs = require "o2x.fs"
local nearest = require "o2x.nearest"
local params = require "o2x.params"

local M = { API = 1 }

-- field → its type, and whether it must be there
local FIELDS = {
  name = { "string", true }, version = { "string", true }, api = { "number", true }, summary = { "string", true },
  help = { "string" }, params = { "table" }, effects = { "table" }, severe = { "boolean" }, run = { "function", true },
}
local ORDER = { "name", "version", "api", "summary", "help", "params", "effects", "severe", "run" }

-- The line of a script where a field is set, for messages.
local function place(shown, text, field)
  local number = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    if field and line:match("^%s*%[?[\"']?" .. field:gsub("%p", "%%%0") .. "[\"']?%]?%s*=") then
      return shown .. ":" .. number
    end
    if field and line:match("[{,%s]" .. field:gsub("%p", "%%%0") .. "%s*=") then return shown .. ":" .. number end
  end
  return shown
end

local function check_fields(declaration, fail)
  for field in pairs(declaration) do
    if not FIELDS[field] then
      fail(("unknown field %q%s"):format(tostring(field), nearest.suggest(tostring(field), ORDER)), tostring(field))
    end
  end
  for _, field in ipairs(ORDER) do
    local expected, value = FIELDS[field], declaration[field]
    if value == nil then
      if expected[2] then fail(("the field %q is missing"):format(field)) end
    elseif type(value) ~= expected[1] then
      fail(("%s: a %s expected, got a %s"):format(field, expected[1], type(value)), field)
    end
  end
end

local function check_values(declaration, fail, file_name)
  if not declaration.name:match("^[%l%d][%l%d-]*$") then
    fail("name: small letters, digits and hyphens expected", "name")
  end
  if declaration.name ~= file_name then
    fail(("name: %q, but the file is %s.lua"):format(declaration.name, file_name), "name")
  end
  if not declaration.version:match("^%d+%.%d+%.%d+$") then
    fail("version: three numbers such as 1.0.0 expected", "version")
  end
  if declaration.api ~= M.API then
    fail(("api: this o2x offers api %d, the runbook wants %s"):format(M.API, tostring(declaration.api)), "api")
  end
  for name, spec in pairs(declaration.params or {}) do
    local problem, field = params.problem(name, spec)
    if problem then fail(problem, field) end
  end
  for _, word in ipairs(declaration.effects or {}) do
    if not effects.is_effect_word(word) then
      fail(("effects: unknown word %q%s"):format(tostring(word), nearest.suggest(tostring(word), effects.words())),
        "effects")
    end
  end
end

--- Loads a runbook and checks its declaration.
---@param sandbox table
---@param path string
---@return table runbook the declaration, with path (as shown), params and effects always there
function M.load(sandbox, path)
  local shown = sandbox:shown(path)
  local declaration = sandbox:load_file(path)
  local text = sandbox.texts[shown]
  local function fail(message, field) errors.input(message, nil, place(shown, text, field)) end
  if type(declaration) ~= "table" then
    fail('is no runbook: it must return require "o2x.runbook" { name = …, run = … }')
  end
  check_fields(declaration, fail)
  check_values(declaration, fail, fs.name(path):match("^(.-)%.lua$"):gsub("@.*$", ""))
  local runbook = { path = shown, file = path, params = {}, effects = {} }
  for field, value in pairs(declaration) do runbook[field] = value end
  return runbook
end

--- The names of the project's runbooks, sorted.
---@param project table
---@return string[]
function M.names(project)
  local names = {}
  if not fs.is_folder(project.runbooks) then return names end
  for _, file in ipairs(fs.list(project.runbooks)) do
    names[#names + 1] = file:match("^([%l%d][%w@.-]*)%.lua$")
  end
  return names
end

--- The file of a runbook, given by name ("onboard") or path ("runbooks/onboard.lua").
---@param project table
---@param word string
---@return string path
function M.find(project, word)
  if word:find("[%c]") or word == "" then errors.input("there is no runbook " .. ("%q"):format(word)) end
  local is_path = word:find("/", 1, true) or word:match("%.lua$")
  local path = is_path and word or fs.join(project.runbooks, word .. ".lua")
  local stat = fs.stat(path)
  if stat and stat.type == "file" then return fs.realpath(path) end
  local name = fs.name(word):gsub("%.lua$", "")
  local names = M.names(project)
  errors.input(("there is no runbook %s%s"):format(word, nearest.suggest(name, names)),
    #names > 0 and "runbooks: " .. table.concat(names, ", ") or "o2x new NAME makes one")
end

return M
