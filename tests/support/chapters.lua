--- Runs one chapter of stdlib.diagnose over fakes, for its spec.

local stdlib = require "tests.support.stdlib"

local M = {}

--- The tenant of all chapters: urbanos of the example platform.
M.tenant = stdlib.tenant "urbanos"

--- Runs a chapter.
---@param name string "pods"
---@param fakes table for stdlib.new
---@param facts table of pods.facts; pods and deployments are empty if absent
---@return string[] findings each as "SEVERITY SUBJECT: FINDING"
---@return table[] rows the same with evidence and fix
---@return table std
function M.run(name, fakes, facts)
  local std = stdlib.new(fakes)
  local found = std.require("diagnose.findings").new()
  facts.pods, facts.deployments = facts.pods or {}, facts.deployments or {}
  std.require("diagnose." .. name).run(found, M.tenant, facts)
  local lines = {}
  for i, row in ipairs(found.list) do
    lines[i] = ("%s %s: %s"):format(row.severity, row.subject, row.finding)
  end
  return lines, found.list, std
end

return M
