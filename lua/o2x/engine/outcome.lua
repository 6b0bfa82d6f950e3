--- Finds out whether a write took place, after a lost answer and in a resumed run. Each class of the effect contract
--- has its own way. Nothing is guessed, and nothing is sent again before the answer is known.

local contract = require "o2x.engine.contract"
local errors = require "o2x.base.error"
local memory = require "o2x.engine.memory"

local M = {}

local function by_reading(gate, e) return contract.equal(e.type, gate:read_live(e), e.desired) end

local function by_asking(gate, e) return gate:ask(e, e.type.probe, e.target, e.desired, e.id) == "done" end

local function by_marker(gate, e) return gate:ask(e, e.type.marker, e.target, e.id) end

local function in_doubt(gate, e)
  local run, path = gate.run, e.path or ""
  local by_hand = path ~= "" and run.past and not run.undo
  errors.raise {
    kind = "unknown",
    op = e.type.kind,
    message = ("%s %s: it is unknown whether it was done"):format(e.type.kind, e.key),
    hint = by_hand and "check the system; if it was done: " .. memory.skip_command(run, path)
      or "check the system, then start a new run",
  }
end

local BY_CLASS <const> =
  { idempotent = by_reading, probed = by_asking, transactional = by_marker, unprovable = in_doubt }

--- Did this write take place?
---@param gate table
---@param e table type, target, desired, key, id
---@return boolean
function M.took_place(gate, e) return BY_CLASS[e.type.class](gate, e) end

return M
