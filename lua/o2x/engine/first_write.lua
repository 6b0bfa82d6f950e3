--- Before a run writes anything, it asks for the rights of all effect types that its runbook declares: what is denied
--- half-way leaves half a change. A step that has asked already, as an onboarding's first one has, is not repeated.

local effects = require "o2x.effects"
local memo = require "o2x.base.memo"

local M = {}

-- What an adoption writes follows from what it finds; a tenant that comes into a lab has no roles there.
local function asks(run) return not run.arrival and not run.runbook.adopts end

--- Lets a write through if the run may do all that its runbook declares; raises all that is missing. Writes that begin
--- at the same time wait for one answer.
---@param run table
function M.admit(run)
  if run.is_admitted or not asks(run) then return end
  run.admission = run.admission or memo.new(math.huge)
  run.admission:get("rights", function() effects.find("rights").before_writes(run.ctx) end)
  run.is_admitted = true
end

--- The same for a plan that would change something, at its end.
---@param run table
---@return fun()? look nil: such a run asks for nothing
function M.look(run)
  if asks(run) then
    return function() effects.find("rights").before_writes(run.ctx) end
  end
end

return M
