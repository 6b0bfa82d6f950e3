--- The modules of lua/o2x/effects: what scripts can require as "o2x.NAME", and the effect types of each.

local lazy = require "o2x.base.lazy"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local leaks = lazy "o2x.base.leaks"
local secret = require "o2x.base.secret"
local snapshot = require "o2x.base.snapshot"
local sorted_keys = require "o2x.base.sorted_keys"

--- NAMES: the files and folders of lua/o2x/effects, in order; the Makefile lists them.
local M = { NAMES = require "o2x.effects.names" }

local known = {}
for _, name in ipairs(M.NAMES) do
  known[name] = true
end

-- Modules that neither read nor write a system: scripts may use them while they are loaded.
local PURE = { crypto = true, helm_values = true, json = true, secret = true, text = true, yaml = true }

-- Kinds that can be declared alone, because they need much less than all of their module does: whoever may only scale
-- is not asked for what an onboarding needs. A list, so that no module is loaded to know a word.
local ALONE <const> = { ["k8s.fields"] = true, ["k8s.replicas"] = true }

--- Is this a valid word in a runbook's `effects`?
---@param word any
---@return boolean
function M.is_effect_word(word)
  local kind = type(word) == "string" and word:match "^([%w_.]+):write$"
  return kind ~= nil and (known[kind] or ALONE[kind]) == true
end

--- Does a runbook declare effects of a kind? By the module's word, "k8s:write", or by the kind's own, which says less:
--- "k8s.replicas:write".
---@param declared table<string, boolean>
---@param kind string "k8s.replicas"
---@param word string? the module's
---@return boolean
function M.is_declared(declared, kind, word) return declared[word] == true or declared[kind .. ":write"] == true end

--- All valid words in a runbook's `effects`.
---@return string[]
function M.words()
  local words = {}
  for i, name in ipairs(M.NAMES) do
    words[i] = name .. ":write"
  end
  for _, kind in ipairs(sorted_keys(ALONE)) do
    words[#words + 1] = kind .. ":write"
  end
  return words
end

--- Is there a module of this name?
---@param name string
---@return boolean
function M.known(name) return known[name] == true end

--- May scripts use the module while they are loaded?
---@param name string
---@return boolean
function M.is_pure(name) return PURE[name] == true end

--- The effect types of the modules whose words are declared.
---@param declared table<string, boolean>
---@return o2x.effect_type[]
function M.types_of(declared)
  local list, modules = {}, {}
  for word in pairs(declared) do
    modules[word:match "^[%w_]+"] = true
  end
  for _, name in ipairs(M.NAMES) do
    local word = name .. ":write"
    for _, one in ipairs(modules[name] and M.find(name).types or {}) do
      if M.is_declared(declared, one.kind, word) then list[#list + 1] = one end
    end
  end
  return list
end

--- A module by name.
---@param name string
---@return table? module
function M.find(name)
  if not known[name] then return nil end
  local ok, module = pcall(require, "o2x.effects." .. name)
  if not ok then
    errors.raise { kind = "bug", message = ("o2x.%s cannot be loaded"):format(name), traceback = tostring(module) }
  end
  return module
end

--- Adds a module that is not in the list (tests).
---@param module table
function M.add(module)
  if not known[module.name] then table.insert(M.NAMES, module.name) end
  known[module.name] = true
  package.loaded["o2x.effects." .. module.name] = module
end

-- An object such as pg.tenant keeps its identity; its methods are wrapped.
local function guard_methods(object, name, protect, where)
  local metatable, methods = debug.getmetatable(object), {}
  for key, method in pairs(type(metatable.__index) == "table" and metatable.__index or {}) do
    local full = ("%s:%s"):format(name, key)
    methods[key] = snapshot.wrap_method(protect(method, full, key, true), full, where)
  end
  if next(methods) then metatable.__index = methods end
end

-- What a script gets of a module: the same names, but all that goes in or comes out is copied. protect makes more of a
-- function before that.
local function guarded(name, api, protect, where)
  local guard = {}
  for key, item in pairs(api) do
    local full = ("%s.%s"):format(name, key)
    guard[key] = type(item) == "function" and snapshot.wrap(protect(item, full, key), full, where) or item
    if frozen.is_handle(item) then guard_methods(item, full, protect, where) end
  end
  return guard
end

-- Calls fn with each text of a table, deep, until it returns something true.
local function any_text(t, fn)
  for _, item in next, frozen.contents[t] or t do
    if type(item) == "string" and fn(item) or type(item) == "table" and any_text(item, fn) then return true end
  end
  return false
end

-- What the platform declares public: the ids of tenants.
local function platform_says(run, text)
  local platform = run.sandbox and run.sandbox.require and run.sandbox:require "stdlib.platform"
  return platform and platform.is_public and platform.is_public(text) or false
end

--- What a run's script knows anyway: the texts of the tenant's file, of the platform's, and of its parameters; and what
--- the platform declares public.
---@param run table
---@return fun(text: string): boolean is_public
function M.is_public(run)
  local function without_secrets()
    local copy = {}
    for name, item in next, frozen.contents[run.tenant] or run.tenant or {} do
      if name ~= "secrets" then copy[name] = item end
    end
    return { copy, run.given or {} }
  end
  return function(text)
    return any_text(without_secrets(), function(given) return given:find(text, 1, true) ~= nil end)
      or platform_says(run, text)
  end
end

-- What a function makes of a secret depends on what is in it, which a replay does not know.
local function of_secrets(fn, full, tape)
  return function(...)
    local now = tape()
    if now and secret.inside { ... } then return now:call(fn, full, 1, ...) end
    return fn(...)
  end
end

--- The api of a module that is_pure, for scripts.
---@param name string
---@param where (fun(): string?)? gives the script's line, for errors
---@param explain (fun(fn: function, name: string, is_method: boolean?): function)? makes a function explain a wrong
---  argument
---@param tape (fun(): table?)? gives the run's tape (engine/tape.lua)
---@return table api
function M.pure(name, where, explain, tape)
  local module = M.find(name)
  local function protect(fn, full, key)
    if explain then fn = explain(fn, key) end
    local takes_secrets = not module.secrets or module.secrets[key]
    if not takes_secrets then return leaks.without_secrets(fn, full, where) end
    return tape and of_secrets(fn, full, tape) or fn
  end
  return guarded(name, module.api(nil), protect, where)
end

--- The api of a module for one run, for scripts; registers its effect types with the run's gate.
---@param run table
---@param module table
---@param explain (fun(fn: function, name: string, is_method: boolean?): function)? see pure
---@return table api
function M.bind(run, module, explain)
  local ok, api = xpcall(function()
    run.gate:register(module, run.ctx)
    return module.api(run.ctx)
  end, errors.handler)
  if not ok then error(api, 0) end
  local is_public, plan = M.is_public(run), run.mode == "plan"
  local function where() return run.sandbox and run.sandbox:where() end
  local function protect(fn, full, key, is_method)
    if explain then fn = explain(fn, key, is_method) end
    local secrets = module.secrets and module.secrets[key]
    local stored = type(secrets) == "table" and secrets.stored
    local border =
      { what = full, secrets = secrets, stored = stored, is_public = is_public, plan = plan, where = where }
    fn = leaks.wrap(fn, border, is_method and 2)
    return run.tape and run.tape:wrap(fn, full, is_method and 2 or 1) or fn
  end
  return guarded(module.name, api, protect, where)
end

return M
