--- The modules of lua/o2x/effects: what scripts can require as "o2x.NAME", and the effect types of each.

local errors = require "o2x.base.error"

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

--- The api of a module for one run; registers its effect types with the run's gate.
---@param run table
---@param module table
---@return table api
function M.bind(run, module)
  local ok, api = xpcall(function()
    run.gate:register(module, run.ctx)
    return module.api(run.ctx)
  end, errors.handler)
  if not ok then error(api, 0) end
  return api
end

return M
