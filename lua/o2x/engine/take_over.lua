--- What belongs to others is overwritten only where the operator says so: --take-over=KEY of o2x plan and o2x run.
--- Taking over what was changed while a run stood still is memory.lua's.

local shell = require "o2x.base.shell"

local M = {}

--- Does the operator want an effect to overwrite what belongs to others?
---@param run table
---@param kind string
---@param key string
---@return boolean
function M.wants(run, kind, key)
  for _, word in ipairs(run.take_over or {}) do
    if word == key or word == kind .. " " .. key then
      run.taken_over = run.taken_over or {}
      run.taken_over[word] = true
      return true
    end
  end
  return false
end

--- The words that named no effect which the run reached.
---@param run table
---@return string[]
function M.unused(run)
  local words = {}
  for _, word in ipairs(run.take_over or {}) do
    if not (run.taken_over or {})[word] then words[#words + 1] = word end
  end
  return words
end

--- The option that allows an effect to do so, as a shell takes it.
---@param key string
---@return string
function M.option(key) return shell.command { "--take-over=" .. key } end

return M
