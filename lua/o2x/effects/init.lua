--- The modules of lua/o2x/effects: what scripts can require as "o2x.NAME", and the effect types of each.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local snapshot = require "o2x.base.snapshot"

--- NAMES: the files and folders of lua/o2x/effects, in order; the Makefile lists them.
local M = { NAMES = require "o2x.effects.names" }

local known = {}
for _, name in ipairs(M.NAMES) do
  known[name] = true
end

-- Modules that neither read nor write a system: scripts may use them while they are loaded.
local PURE = { crypto = true, helm_values = true, json = true, secret = true, text = true, yaml = true }

--- Is this a valid word in a runbook's `effects`?
---@param word any
---@return boolean
function M.is_effect_word(word)
  local name = type(word) == "string" and word:match("^([%w_]+):write$")
  return name ~= nil and known[name] == true
end

--- All valid words in a runbook's `effects`.
---@return string[]
function M.words()
  local words = {}
  for i, name in ipairs(M.NAMES) do
    words[i] = name .. ":write"
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
  known[module.name] = true
  package.loaded["o2x.effects." .. module.name] = module
end

-- An object such as pg.tenant keeps its identity; its methods are wrapped.
local function guard_methods(object, name, where, explain)
  local metatable, methods = debug.getmetatable(object), {}
  for key, method in pairs(type(metatable.__index) == "table" and metatable.__index or {}) do
    local explained = explain and explain(method, key, true) or method
    methods[key] = snapshot.wrap_method(explained, ("%s:%s"):format(name, key), where)
  end
  if next(methods) then metatable.__index = methods end
end

-- What a script gets of a module: the same names, but all that goes in or comes out is copied.
local function guarded(name, api, where, explain)
  local guard = {}
  for key, item in pairs(api) do
    local full = ("%s.%s"):format(name, key)
    if type(item) == "function" then
      guard[key] = snapshot.wrap(explain and explain(item, key) or item, full, where)
    else
      guard[key] = item
      if frozen.is_handle(item) then guard_methods(item, full, where, explain) end
    end
  end
  return guard
end

--- The api of a module that is_pure, for scripts.
---@param name string
---@param where (fun(): string?)? gives the script's line, for errors
---@param explain (fun(fn: function, name: string, is_method: boolean?): function)? makes a function explain a wrong
---  argument
---@return table api
function M.pure(name, where, explain) return guarded(name, M.find(name).api(nil), where, explain) end

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
  return guarded(module.name, api, function() return run.sandbox and run.sandbox:where() end, explain)
end

return M
