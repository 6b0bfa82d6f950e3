--- Makes the tables of locks in a lab, as the first run of o2x there does. So the lab of a prover is one that has seen
--- o2x before, and a run that changes nothing in PostgreSQL leaves only rows there, which are put back in no time.

local config = require "o2x.project.config"
local held = require "o2x.engine.held"
local project = require "o2x.project.project"

local M = {}

--- Makes them.
---@param tenant string
---@return integer exit code
function M.make(tenant)
  local found = project.find()
  held.prepare(found, config.load(found, {}), tenant)
  return 0
end

return M
