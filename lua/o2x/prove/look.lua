--- Reads the target of an effect as the system has it now, by the effect type of a run's journal.

local config = require "o2x.project.config"
local foreign = require "o2x.prove.foreign"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local journal = require "o2x.engine.journal"
local project = require "o2x.project.project"
local preparation = require "o2x.engine.preparation"
local store = require "o2x.engine.store"
local value = require "o2x.base.value"

local M = {}

local function intent_of(runs, order)
  local found
  for _, id in ipairs(fs.list(runs.folder)) do
    if id:find "^R%-" then
      journal
        .each(runs:journal_of(id), function(record)
          if record.t == "intent" and record.kind == order.kind and record.key == order.key then found = record end
        end).reader
        :close()
    end
  end
  return found
end

--- Looks, and writes the value as a text.
---@param order { kind: string, key: string, tenant: string, to: string }
---@return integer exit code
function M.run(order)
  local found = project.find()
  local loaded = config.load(found, {})
  local this = preparation.look(found, loaded, order.tenant)
  local runs = store.open(loaded.state)
  local intent = intent_of(runs, order)
  local kind = this.gate:type_of(order.kind)
  local now = kind.read(this.ctx, value.revive(intent.target))
  fs.write(order.to, json.encode { value = foreign.text({ key = order.key }, now) })
  this.close_clients()
  return 0
end

return M
