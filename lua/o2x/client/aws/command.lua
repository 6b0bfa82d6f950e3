--- Commands of the program aws, for people.

local shell = require "o2x.base.shell"

local M = {}

--- A command about RDS. Version 1 of the program asks Amazon's own RDS in us-east-1, whatever AWS_ENDPOINT_URL says: it
--- must be told.
---@param config table of the run
---@param ... string words after "aws rds"
---@return string line
function M.rds(config, ...)
  local address = config.aws and config.aws.endpoint
  if address then return shell.command { "aws", "--endpoint-url", address, "rds", ... } end
  return shell.command { "aws", "rds", ... }
end

return M
