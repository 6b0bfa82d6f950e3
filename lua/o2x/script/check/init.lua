--- o2x check: static analysis of a script.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local literals = require "o2x.script.check.literals"
local names = require "o2x.script.check.names"
local reach = require "o2x.script.check.reach"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"
local sorted_keys = require "o2x.base.sorted_keys"
local steps = require "o2x.script.check.steps"
local dsl = require "o2x.script.dsl"
local writes = require "o2x.script.check.writes"
local library = require "o2x.script.library"

local M = {}

-- A file that cannot be read has its problem from being loaded.
local function text_of(path)
  local ok, text = pcall(fs.read_if, path)
  return ok and text or ""
end

--- What the checks of several scripts of a project share: each file is loaded and parsed once.
---@param project table
---@return table session
function M.session(project)
  local box = sandbox.new(project)
  local globals = sorted_keys(library.new(1))
  local own = sorted_keys(dsl.new(box))
  table.move(own, 1, #own, #globals + 1, globals)
  return { project = project, sandbox = box, globals = globals, files = {}, modules = {} }
end

-- The tree of a script; nil where it is none.
local function parse(session, shown, text)
  local known = session.files[shown]
  if not known or known.text ~= text then
    local ok, file = pcall(reach.file, text, shown)
    known = { text = text, file = ok and file or nil }
    session.files[shown] = known
  end
  return known.file
end

local function find_module(session, name)
  local folder, rest = name:match("^(%w+)%.(.*)$")
  if folder ~= "stdlib" then return nil end
  local below = rest:gsub("%.", "/") .. ".lua"
  local path = fs.join(session.project.stdlib, below)
  return parse(session, "stdlib/" .. below, session.sandbox.texts[session.sandbox:shown(path)] or text_of(path))
end

-- Files of stdlib, to follow a runbook's calls into them.
local function module_of(session, name)
  local known = session.modules[name]
  if known == nil then
    known = find_module(session, name) or false
    session.modules[name] = known
  end
  return known or nil
end

-- Loads a script; a file of stdlib as others do that require it.
local function load_script(session, path, kind)
  local box, folder = session.sandbox, session.project.stdlib .. "/"
  if kind == "runbook" then return runbooks.load(box, path) end
  if kind == "hooks" then return require("o2x.script.hooks").load(box, path) end
  local below = path:sub(1, #folder) == folder and path:sub(#folder + 1):match "^([%w_/]+)%.lua$"
  if not below then return box:load_file(path) end
  local name = "stdlib." .. below:gsub("/", ".")
  box:require(name)
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
---@param session table? of M.session, for the checks of several scripts
---@return {where: string, message: string, hint: string?}[] problems
---@return table? runbook if it could be loaded
---@return string? text
function M.file(project, path, kind, session)
  session = session or M.session(project)
  local box = session.sandbox
  local shown, problems = box:shown(path), {}
  local ok, loaded = xpcall(load_script, errors.handler, session, path, kind)
  if not ok then problems[1] = { text = place(loaded, shown), hint = loaded.hint, line = 0 } end
  local text = box.texts[shown] or text_of(path)
  local file = parse(session, shown, text)
  if not file or not ok and not load(text, "=check", "t") then return problems end
  local seen = {}
  local context = {
    file = file,
    tree = file.tree,
    sandbox = box,
    environment = box.environment,
    globals = session.globals,
    load = function(name) return module_of(session, name) end,
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
