--- Did a write take place? Asked when an answer was lost, and by a resumed run. Each class of the effect contract has its
--- own way to know; nothing is guessed, and nothing is sent again before the answer.

local errors = require "o2x.base.error"

local M = {}

local by_class = {}

function by_class.idempotent(gate, e) return gate.equal(e.type, gate:read_live(e), e.desired) end

function by_class.probed(gate, e) return gate:ask(e, e.type.probe, e.target, e.desired, e.id) == "done" end

function by_class.transactional(gate, e) return gate:ask(e, e.type.marker, e.target, e.id) end

function by_class.unprovable(_, e)
  errors.raise {
    kind = "unknown",
    op = e.type.kind,
    message = ("%s %s: it is unknown whether it was done"):format(e.type.kind, e.key),
    hint = "look at the system, then start a new run",
  }
end

--- Did this write take place?
---@param gate table
---@param e table type, target, desired, key, id
---@return boolean
function M.took_place(gate, e) return by_class[e.type.class](gate, e) end

return M
