--- Loads runbooks and checks their declarations. Loading has no side effects.

local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local runbook_files = require "o2x.project.runbook_files"
local snapshot = require "o2x.base.snapshot"
local suggest = require "o2x.base.suggest"
local value = require "o2x.base.value"
local params = require "o2x.project.params"

local M = { API = 1 }

---@class o2x.declaration
---@field name string the name of its file, without ".lua" and "@VERSION"
---@field version string three numbers such as "1.0.0"
---@field api integer the version of the scripting interface: @api@
---@field summary string one line, shown by `o2x list`
---@field help string? why, what it touches, how to verify, how to go back; shown by `o2x info`
---@field params table<string, o2x.parameter>? name → declaration
---@field effects o2x.effect[]? what it may write
---@field severe boolean? true: a run wants --confirm=TENANT
---@field emergency string? `o2x help` lists it under "Something is down", with this after its name: "TENANT mode=on"
---@field adopts boolean? true: it also runs for a tenant that has no file yet, and writes that file
---@field run fun(tenant: o2x.tenant, params: table)

-- field → its type, and whether it must be there
local FIELDS = {
  name = { "string", true },
  version = { "string", true },
  api = { "number", true },
  summary = { "string", true },
  help = { "string" },
  params = { "table" },
  effects = { "table" },
  severe = { "boolean" },
  emergency = { "string" },
  adopts = { "boolean" },
  run = { "function", true },
}
local ORDER =
  { "name", "version", "api", "summary", "help", "params", "effects", "severe", "emergency", "adopts", "run" }

-- The position of a field in a script, for messages.
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
      fail(
        ("unknown field %q%s"):format(tostring(field), suggest.did_you_mean(tostring(field), ORDER)),
        tostring(field)
      )
    end
  end
  for _, field in ipairs(ORDER) do
    local expected, given = FIELDS[field], declaration[field]
    if given == nil then
      if expected[2] then fail(("missing field %q"):format(field)) end
    elseif type(given) ~= expected[1] then
      fail(("%s: expected a %s, got a %s"):format(field, expected[1], type(given)), field)
    end
  end
end

local function check_values(declaration, fail, file_name)
  if not runbook_files.is_name(declaration.name) then
    fail("name: only lowercase letters, digits and hyphens are allowed", "name")
  end
  local base, major = file_name:match("^(.-)@(.*)$")
  if declaration.name ~= (base or file_name) then
    fail(("name: %q, but the file is %s.lua"):format(declaration.name, file_name), "name")
  end
  if not declaration.version:match("^%d+%.%d+%.%d+$") then
    fail("version: expected three numbers, such as 1.0.0", "version")
  end
  if major and (declaration.version .. "."):sub(1, #major + 1) ~= major .. "." then
    fail(("version: %s, but the file is %s.lua"):format(declaration.version, file_name), "version")
  end
  if declaration.api ~= M.API then
    fail(("api: this o2x supports api %d, the runbook needs %s"):format(M.API, tostring(declaration.api)), "api")
  end
  for name, spec in pairs(declaration.params or {}) do
    local problem, field = params.problem(name, spec)
    if problem then fail(problem, field) end
  end
  for _, name in ipairs(declaration.effects or {}) do
    if not effects.is_effect_word(name) then
      fail(
        ("effects: unknown effect %q%s"):format(
          value.text(name),
          suggest.did_you_mean(value.text(name), effects.words())
        ),
        "effects"
      )
    end
  end
end

--- Loads a runbook and checks its declaration. What is checked is a copy: the script cannot change it afterwards.
---@param sandbox table
---@param path string
---@return table runbook the declaration, with path (as shown), params and effects always there; edits and overrides
---  where it is a tenant's own version of another
function M.load(sandbox, path)
  local shown = sandbox:shown(path)
  local declaration = sandbox:load_file(path)
  local text = sandbox.texts[shown]
  local function fail(message, field) errors.input(message, nil, place(shown, text, field)) end
  if type(declaration) ~= "table" then
    fail('not a runbook: it must return require "o2x.runbook" { name = …, run = … }')
  end
  local over = sandbox.overrides[declaration]
  declaration = snapshot.take(declaration, "the declaration", function() return shown end)
  check_fields(declaration, fail)
  check_values(declaration, fail, fs.name(path):match("^(.-)%.lua$"))
  local runbook = { path = shown, file = path, params = {}, effects = {} }
  for field, item in pairs(declaration) do
    runbook[field] = item
  end
  if over then
    runbook.edits, runbook.overrides = over.edits, { name = over.name, version = over.version, path = over.path }
  end
  table.insert(sandbox.runbooks, runbook)
  return runbook
end

M.names, M.find = runbook_files.names, runbook_files.find

return M
