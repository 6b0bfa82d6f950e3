--- The sandbox in which runbooks and stdlib run: an allow-list of names, source chunks only, and a require that loads
-- only o2x APIs, stdlib and runbooks. It prevents accidents, undeclared effects and access to other tenants; it does
-- not protect against a malicious author, who may deploy anyway.

local lazy = require "o2x.base.lazy"
local defer = require "o2x.base.defer"
local frozen = require "o2x.base.frozen"
local constants = lazy "o2x.script.constants"
local core = require "o2x.core.sandbox"
local effects = require "o2x.effects"
local encoding = require "o2x.base.encoding"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local library = require "o2x.script.library"
local signature = lazy "o2x.script.signature"
local suggest = require "o2x.base.suggest"
local value = require "o2x.base.value"
local override = lazy "o2x.script.override"
local runbooks = require "o2x.script.runbook"
local runbook_files = require "o2x.project.runbook_files"
local dsl = require "o2x.script.dsl"

local M = {}

local MAX_SOURCE = 1024 * 1024 -- bytes of a script
local SOFT, HARD = 5, 15
local DECLARATION <const> = 1 -- seconds for a file of which only the declaration is wanted

local INSTEAD = {
  print = "use log(message)",
  os = 'use require "o2x.clock"',
  io = 'use require "o2x.files"',
  load = "put the code into a file",
  coroutine = "use parallel",
  debug = "it would bypass the sandbox",
  package = "use require",
  dofile = 'use require "stdlib.NAME"',
  loadfile = 'use require "stdlib.NAME"',
  collectgarbage = "it is not needed",
  _G = "globals are fixed",
  rawset = "use t[k] = v",
}

local Sandbox = {}
Sandbox.__index = Sandbox

--- The innermost script line on the stack, as "runbooks/x.lua:12"; nil outside of scripts.
---@return string?
function Sandbox:where()
  for level = 2, 250 do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if self.sources[info.source] then return info.source:sub(2) .. ":" .. info.currentline end
  end
end

--- Where a script says what it found, for the text of an error. The library says what and where in its own words: a
--- line of it tells nothing to whoever reads them.
---@return string? where the line, unless it is the library's
---@return string? line the line
function Sandbox:said()
  local line = self:where()
  return line and not line:find "^stdlib/" and line or nil, line
end

--- The run that the scripts belong to; raises an error while a file is being loaded.
---@param what string
---@return table run
function Sandbox:running(what)
  if self.loading == 0 and self.run then return self.run end
  errors.raise {
    kind = "refused",
    where = self:where(),
    message = what .. " is not allowed while the file is being loaded",
    hint = "move it into the function run, or into a function that run calls",
  }
end

-- The message is an error object where the parser ran out of stack: Lua calls the handler of the xpcall around it.
local function syntax_error(path, message)
  message = tostring(message)
  local line, text = message:match("^.-:(%d+): (.*)$")
  errors.input(text or message, nil, line and path .. ":" .. line or path)
end

local function read_source(path, shown)
  local text = fs.read(path, MAX_SOURCE)
  if text:byte(1) == 27 then errors.input("compiled Lua is not allowed, only source text", nil, shown) end
  return encoding.source(text, shown)
end

--- The path to show: relative to the project if it is inside it.
---@param path string
---@return string
function Sandbox:shown(path)
  local root = self.project.root .. "/"
  return path:sub(1, #root) == root and path:sub(#root + 1) or path
end

-- Any error while a file is loaded is bad input, reported at its line.
local function load_error(shown, err)
  if err.kind ~= "bug" then error(err, 0) end
  local line, text = err.message:match("^" .. shown:gsub("%p", "%%%0") .. ":(%d+): (.*)$")
  errors.input(text or err.message, nil, line and shown .. ":" .. line or shown)
end

--- Loads a script and returns its value.
---@param path string
---@return any
function Sandbox:load_file(path)
  local shown = self:shown(path)
  local text = self.kept and self.kept(shown) or read_source(path, shown)
  local chunk, message = load(text, "@" .. shown, "t", self.environment)
  if not chunk then syntax_error(shown, message) end
  self.sources["@" .. shown] = true
  core.script("@" .. shown)
  self.texts[shown] = text
  if self.keep then self.keep(shown, text) end
  local outer = self.file
  self.loading, self.file = self.loading + 1, shown
  local ok, result = xpcall(chunk, errors.handler)
  self.loading, self.file = self.loading - 1, outer
  if not ok then load_error(shown, errors.wrap(result)) end
  return result
end

--- Loads a file of stdlib/; an unknown name is bad input.
---@param name string "stdlib.NAME"
---@return any what the file returns
function Sandbox:require_stdlib(name)
  if not name:match("^stdlib%.[%w_][%w_.]*$") or name:find("..", 1, true) then
    errors.input(("require %q: invalid name"):format(name), nil, self:where())
  end
  local path = fs.join(self.project.stdlib, (name:match("^stdlib%.(.*)$"):gsub("%.", "/")) .. ".lua")
  if not fs.exists(path) and not (self.kept and self.kept(self:shown(path))) then
    errors.input(("require %q: %s not found"):format(name, self:shown(path)), nil, self:where())
  end
  local module = self:load_file(path)
  constants.seal(module, self.sources)
  return module
end

-- Loads a module at its first use: most runbooks use stdlib when they run, not in their declaration.
local function later(make)
  local module
  return frozen.new({}, function(key)
    module = module or make()
    return module[key]
  end)
end

--- A runbook of the project, for a tenant's own version of it.
---@param name string without "runbooks."
---@return table runbook
function Sandbox:require_runbook(name)
  local path = fs.join(self.project.runbooks, name .. ".lua")
  if not fs.exists(path) and not (self.kept and self.kept(self:shown(path))) then
    errors.input(
      ("unknown runbook %s%s"):format(name, suggest.did_you_mean(name, runbook_files.names(self.project))),
      nil,
      self:where()
    )
  end
  return runbooks.load(self, path)
end

-- The module "o2x.runbook": calling it with a declaration returns the declaration; override derives one from another.
local function runbook_module(sandbox)
  local module = frozen.new {
    override = function(standard, changes) return override.make(sandbox, standard, changes) end,
  }
  debug.getmetatable(module).__call = function(_, declaration) return declaration end
  return module
end

--- The require of scripts: loads a module once.
---@param name string "o2x.NAME", "stdlib.NAME" or "runbooks.NAME"
---@return any module
function Sandbox:require(name)
  if type(name) ~= "string" then errors.input("require: expected a name", nil, self:where()) end
  local loaded = self.loaded[name]
  if loaded ~= nil then return loaded end
  if self.pending[name] then errors.input(("require %q: circular require"):format(name), nil, self:where()) end
  self.pending[name] = true
  local _forget <close> = defer(function() self.pending[name] = nil end)
  local seal = frozen.view
  if name:match("^stdlib%.") then
    seal = self.declarations and frozen.view or frozen.constant -- its functions cannot change it (constants.lua)
    loaded = self.declarations and later(function() return self:require_stdlib(name) end) or self:require_stdlib(name)
  elseif name == "o2x.runbook" then
    loaded = runbook_module(self)
  elseif runbook_files.is_name(name:match("^runbooks%.([^@]+)@?[%d.]*$") or "") then
    loaded = self:require_runbook(name:match("^runbooks%.(.*)$"))
  elseif name:match("^o2x%.") then
    loaded = self:require_api(name:sub(5))
  else
    errors.input(
      ("require %q: scripts may require only o2x.NAME, stdlib.NAME and runbooks.NAME"):format(name),
      nil,
      self:where()
    )
  end
  loaded = loaded == nil or seal(loaded)
  self.loaded[name] = loaded
  return loaded
end

--- Gives an API, bound to the run's tenant. The tenant is unknown while files are loaded, so the API is created at its
--- first use.
---@param name string without "o2x."
---@return table api
function Sandbox:require_api(name)
  if not effects.known(name) then
    errors.input(
      ('require "o2x.%s": unknown API%s'):format(name, suggest.did_you_mean(name, effects.NAMES)),
      nil,
      self:where()
    )
  end
  local function where() return self:where() end
  local function said() return self:said() end
  local function explain(fn, key, is_method) return signature.explain(fn, name, key, where, said, is_method) end
  if effects.is_pure(name) then
    local function tape() return self.run and self.run.tape end
    local function make() return effects.pure(name, where, explain, tape) end
    return self.declarations and later(make) or frozen.new(make())
  end
  local api, bound
  local function missing(key)
    if not api or bound ~= self.run then
      bound = self:running("the use of o2x." .. name)
      api = effects.bind(bound, effects.find(name), explain)
    end
    local found = api[key]
    if found ~= nil then return found end
    local names = {}
    for existing in pairs(api) do
      names[#names + 1] = tostring(existing)
    end
    errors.raise {
      kind = "failed",
      where = self:where(),
      message = ("o2x.%s has no %q%s"):format(name, value.text(key), suggest.did_you_mean(value.text(key), names)),
    }
  end
  return frozen.new({}, missing)
end

local function environment(sandbox)
  local names = library.new(sandbox.seed)
  for name, fn in pairs(dsl.new(sandbox)) do
    names[name] = fn
  end
  names.require = function(name) return sandbox:require(name) end
  return frozen.fixed(names, function(name)
    local instead = INSTEAD[name]
    error(("%s is not %s"):format(value.text(name), instead and "available in runbooks: " .. instead or "defined"), 3)
  end, "global variable %s is not allowed; declare it local")
end

-- Limits in seconds of a script's own CPU time between two waits, not counting o2x's: SOFT raises an error, HARD ends
-- the process. O2X_CPU_LIMIT=SOFT,HARD changes them.
local function limits()
  local soft, hard = (os.getenv("O2X_CPU_LIMIT") or ""):match("^([%d.]+),([%d.]+)$")
  return tonumber(soft) or SOFT, tonumber(hard) or HARD
end

local function watch(soft, hard)
  local words = "o2x: a script ran for %g s without waiting for anything; the run was stopped, continue with o2x resume"
  core.watch(soft, hard, words:format(hard))
end

--- A sandbox for one project and at most one run.
---@param project table root, stdlib
---@param seed integer?
---@param kept (fun(shown: string): string?)? sources to use instead of the files
---@return table sandbox runbooks: the loaded ones; texts: path as shown → source
function M.new(project, seed, kept)
  local sandbox = setmetatable({
    project = project,
    seed = seed or 1,
    loaded = {},
    pending = {},
    sources = {},
    texts = {},
    loading = 0,
    kept = kept,
    runbooks = {},
    overrides = {},
  }, Sandbox)
  sandbox.environment = environment(sandbox)
  watch(limits())
  return sandbox
end

--- Another sandbox of the same project and sources with modules of its own: nothing that a script of this one changes
--- is seen there. Both keep the texts that they load in one place.
---@return table sandbox
function Sandbox:apart()
  local other = M.new(self.project, self.seed, self.kept)
  other.texts = self.texts
  other.keep = function(shown, text)
    if self.keep then self.keep(shown, text) end
  end
  return other
end

--- A sandbox for reading declarations only; it does not load stdlib.
---@param project table
---@return table sandbox
function M.for_declarations(project)
  local sandbox = M.new(project)
  sandbox.declarations = true
  local soft, hard = limits()
  watch(math.min(soft, DECLARATION), hard)
  return sandbox
end

return M
