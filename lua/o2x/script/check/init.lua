--- o2x check: static analysis of a script.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local literals = require "o2x.script.check.literals"
local names = require "o2x.script.check.names"
local reach = require "o2x.script.check.reach"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"
local steps = require "o2x.script.check.steps"
local dsl = require "o2x.script.dsl"
local writes = require "o2x.script.check.writes"
local library = require "o2x.script.library"

local M = {}

local function global_names(box)
  local list = {}
  for _, source in ipairs { library.new(1), dsl.new(box) } do
    for name in pairs(source) do
      list[#list + 1] = name
    end
  end
  return list
end

-- A file that cannot be read has its problem from being loaded.
local function text_of(path)
  local ok, text = pcall(fs.read_if, path)
  return ok and text or ""
end

-- Loads files of stdlib, to follow a runbook's calls into them.
local function loader(project)
  local known = {}
  return function(name)
    local folder, rest = name:match("^(%w+)%.(.*)$")
    if folder ~= "stdlib" then return nil end
    local path = fs.join(project.stdlib, (rest:gsub("%.", "/")) .. ".lua")
    if known[name] == nil then
      local ok, file = pcall(reach.file, text_of(path), "stdlib/" .. rest:gsub("%.", "/") .. ".lua")
      known[name] = ok and file or false
    end
    return known[name] or nil
  end
end

-- The line on which a field of the declaration is set.
local function line_of(text, field)
  local number = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    if line:match("^%s*" .. field .. "%s*=") or line:match("[{,%s]" .. field .. "%s*=") then return number end
  end
  return 1
end

local function check_help(context, runbook, text)
  if not runbook.help or not runbook.help:match("%S") then
    context.problem(
      line_of(text, "summary"),
      "missing help",
      "help = [[why it exists, what it changes, how to verify it, how to undo it]]"
    )
  end
  for name, spec in pairs(runbook.params) do
    if not spec.help then context.problem(line_of(text, name), ("parameter %s has no help"):format(name)) end
  end
end

local function place(err, shown)
  local message = tostring(err)
  return message:sub(1, #shown) == shown and message or shown .. ": " .. message
end

--- Checks one script.
---@param project table
---@param path string
---@param kind "runbook"|"library"|"hooks"
---@return {where: string, message: string, hint: string?}[] problems
---@return table? runbook if it could be loaded
---@return string? text
function M.file(project, path, kind)
  local box = sandbox.new(project)
  local shown, problems = box:shown(path), {}
  local loads = kind == "runbook" and runbooks.load
    or kind == "hooks" and require("o2x.script.hooks").load
    or box.load_file
  local ok, loaded = xpcall(loads, errors.handler, box, path)
  if not ok then problems[1] = { text = place(loaded, shown), hint = loaded.hint, line = 0 } end
  local text = box.texts[shown] or text_of(path)
  local fine, file = pcall(reach.file, text, shown)
  if not fine or not load(text, "=check", "t") then return problems end
  local seen = {}
  local context = {
    file = file,
    tree = file.tree,
    sandbox = box,
    environment = box.environment,
    globals = global_names(box),
    load = loader(project),
    effects = ok and loaded and loaded.effects or {},
    declared = ok and kind == "runbook" and loaded.params or nil,
    problem = function(line, message, hint)
      local full = ("%s:%d: %s"):format(shown, line, message)
      if not seen[full] then problems[#problems + 1] = { text = full, hint = hint, line = line } end
      seen[full] = true
    end,
  }
  names.check(context)
  steps.check(context)
  literals.check(context)
  if ok and kind ~= "library" then writes.check(context) end
  if ok and kind == "runbook" then check_help(context, loaded, text) end
  table.sort(problems, function(a, b) return a.line < b.line end)
  return problems, ok and kind == "runbook" and loaded or nil, text
end

return M
