--- The command o2x help: shows all commands, or the help of one.

local lazy = require "o2x.base.lazy"
local out = require "o2x.report.out"
local usage = lazy "o2x.cli.usage"

local M = { most = 1 }

local function overview(commands)
  local lines, rows = { "o2x runs versioned runbooks for the tenants of a platform.", "" }, {}
  local function add(line) lines[#lines + 1] = line end
  for i, one in ipairs(commands.emergencies()) do
    if i == 1 then rows[1] = { "Something is down" } end
    rows[#rows + 1] = { ("  o2x %s %s"):format(one.name, one.words), one.summary }
  end
  rows[#rows + 1] = { "First steps" }
  for _, one in ipairs(commands.FIRST_STEPS) do
    rows[#rows + 1] = { "  o2x " .. one[1], one[2] }
  end
  for _, group in ipairs(commands.GROUPS) do
    rows[#rows + 1] = { group[1] }
    for i = 2, #group do
      rows[#rows + 1] = { "  o2x " .. group[i][2], group[i][3] }
    end
  end
  out.columns(rows, add, out.width(), true)
  add ""
  add "Exit codes"
  rows = {}
  for i, code in ipairs(commands.EXIT_CODES) do
    rows[i] = { ("  %d"):format(code[1]), code[2] }
  end
  out.columns(rows, add, out.width())
  add ""
  add "o2x help COMMAND shows the options of a command."
  out.text(table.concat(lines, "\n"))
end

--- Shows the overview, or the help of one command. The lab's program prints its own help.
---@param _ table options of the command line
---@param arguments string[] the command's name, or empty
---@param commands table lua/o2x/cli/commands.lua, which requires this file
function M.run(_, arguments, commands)
  if not arguments[1] then return overview(commands) end
  local command, runbook = commands.find(arguments[1])
  if runbook then return commands.find("info").run({}, { runbook }) end
  if command.raw then return command.run { "help" } end
  usage.show(command)
end

return M
