--- What an undo leaves: traces that systems keep by themselves (marks, histories), and the command that makes again
--- what the undo of an undo cannot bring back.

local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- What a write that takes an effect back leaves: a text, a list of texts, or nil.
local function trace_of(one)
  local traces = one.type.undo.traces
  if type(traces) == "function" then return traces(one.target, one.to) end
  return traces
end

--- What the writes of an undo leave in the systems, each once.
---@param list o2x.reversal[]
---@return string[] texts sorted
function M.traces(list)
  local seen = {}
  for _, one in ipairs(list) do
    local text = one.to and trace_of(one)
    if text then seen[text] = true end
  end
  return sorted_keys(seen)
end

-- The run at the beginning of a chain of undos, and how many there are.
local function origin(store, id)
  local undos, first = 0, store:origin(id)
  while first.undo do
    undos, first = undos + 1, store:origin(first.undo.run)
  end
  return first, undos
end

--- The command that shows what is missing, and leads to the run that makes it again: for an undo that brings back what
--- a run made. Nil for an undo that removes it, and where the first run's journal is not there any more.
---@param store table
---@param id string of the run that goes back
---@return string? command
function M.again(store, id)
  local ok, first, undos = pcall(origin, store, id)
  if not ok or undos % 2 == 0 then return nil end
  local words = { first.runbook.name, first.tenant }
  for _, name in ipairs(sorted_keys(first.params or {})) do
    words[#words + 1] = ("%s=%s"):format(name, first.params[name])
  end
  if first.secrets then words[#words + 1] = "--secrets=" .. first.secrets end
  return "o2x plan " .. shell.command(words)
end

return M
