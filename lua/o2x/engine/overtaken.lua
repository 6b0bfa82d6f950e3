--- Somebody else changed what a write was compared with, before it was written. The foreign value stays, and the
--- operator decides with three values in view: before, ours, now.

local errors = require "o2x.base.error"
local memory = require "o2x.engine.memory"
local side_by_side = require "o2x.engine.side_by_side"
local value = require "o2x.base.value"

local M = {}

--- The conflict of an effect whose value is neither what was compared nor what is wanted.
---@param gate table
---@param e table the effect, begun
---@param before any the image of the value that was compared
---@param now any the image of the value that is there
---@return table error
function M.conflict(gate, e, before, now)
  local three = side_by_side.of(before, value.plain(e.desired, e.key), now)
  return errors.new {
    kind = "conflict",
    op = e.type.kind,
    code = "foreign_change",
    message = ("%s %s: somebody else changed it before it was written; it is left as it is"):format(e.type.kind, e.key),
    details = side_by_side.lines(three),
    hint = "check it; to overwrite it: " .. memory.take_over_command(gate.run, e.id),
  }
end

return M
