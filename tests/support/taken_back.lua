--- An undo without the command: takes back what a run of tests.support.gate or small_run wrote, by the real
--- lua/o2x/engine/undo.lua, as another run of the same kind.

local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local undo = require "o2x.engine.undo"

local M = {}

--- The history of a run, through JSON as a journal has it.
---@param records table[]
---@param id string
---@return table history
function M.history(records, id)
  local all = { { t = "begin", id = id, runbook = { name = "test" }, params = {} } }
  for i, record in ipairs(records) do
    all[i + 1] = json.decode(json.encode(record))
  end
  return history.of(all)
end

--- Takes a run back.
---@param first table the run
---@param second table a new run of the same systems
---@param o { take_over: string[]?, step: string? }?
---@return table second undo.left says what stayed
function M.back(first, second, o)
  local h = M.history(first.journal and first.journal.records or first.records, first.id)
  local summary = { id = first.id }
  second.undo = {
    history = h,
    summary = summary,
    take_over = o and o.take_over or {},
    step = o and o.step,
    origin = first.undo and first.undo.origin or first.id,
    attempts = {},
  }
  second.seen_steps = {}
  second.tenant_name = "newclient"
  second.store = { summary = function() return summary end }
  second.ctx.run_id = second.undo.origin
  undo.perform(second)
  return second
end

return M
