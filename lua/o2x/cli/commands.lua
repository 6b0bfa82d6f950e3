--- The commands of o2x, in the groups of the help and the manual page. Each is a file in this folder that
--- returns { name, usage, summary, help, options, least, most, needs, run }.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local lazy = require "o2x.base.lazy"
local suggest = lazy "o2x.base.suggest"

local M = {}

M.GROUPS = {
  { "Run runbooks", "run", "plan", "resume" },
  { "Look at runs and runbooks", "runs", "show", "list", "info", "policy" },
  { "Write runbooks", "check", "lock", "new", "defs" },
  { "Other", "lab", "config", "version", "help" },
}

M.EXIT_CODES = {
  { 0, "done" },
  { 1, "failed; o2x resume continues" },
  { 2, "there are changes (plan --detailed-exitcode), or a runbook found something" },
  { 3, "bad input" },
  { 4, "a system cannot be reached or denies access" },
  { 5, "locked: another run for the same tenant is in progress" },
  { 74, "done, but output is missing: it could not be written" },
  { 130, "interrupted; o2x resume continues" },
}

--- The names of all commands, in the order of the groups.
---@return string[]
function M.names()
  local names = {}
  for _, group in ipairs(M.GROUPS) do
    table.move(group, 2, #group, #names + 1, names)
  end
  return names
end

--- A command's declaration; an unknown name is bad input.
---@param name string
---@return table command
function M.find(name)
  local names = M.names()
  for _, known in ipairs(names) do
    if known == name then return require("o2x.cli." .. name) end
  end
  errors.input(
    ("unknown command '%s'%s"):format(out.printable(name), suggest.did_you_mean(name, names)),
    "o2x help lists the commands"
  )
end

return M
