--- The command o2x help: shows all commands, or the help of one.

local out = require "o2x.report.out"
local usage = require "o2x.cli.usage"

local M =
  { name = "help", usage = "help [COMMAND]", most = 1, summary = "show this overview, or the help of a command" }

local function overview(commands)
  out.data("o2x runs versioned runbooks for the tenants of a platform.")
  out.data("")
  local rows = {}
  for _, group in ipairs(commands.GROUPS) do
    rows[#rows + 1] = { group[1] }
    for i = 2, #group do
      local command = commands.find(group[i])
      rows[#rows + 1] = { "  o2x " .. command.usage, command.summary }
    end
  end
  out.columns(rows, out.data, out.width())
  out.data("")
  out.data("Exit codes")
  rows = {}
  for i, code in ipairs(commands.EXIT_CODES) do
    rows[i] = { ("  %d"):format(code[1]), code[2] }
  end
  out.columns(rows, out.data, out.width())
  out.data("")
  out.data("o2x help COMMAND shows the options of a command.")
end

--- Shows the overview, or the help of one command. The lab's program prints its own help.
---@param _ table options of the command line
---@param arguments string[] the command's name, or empty
---@param commands table lua/o2x/cli/commands.lua, which requires this file
function M.run(_, arguments, commands)
  if not arguments[1] then return overview(commands) end
  local command = commands.find(arguments[1])
  if command.raw then return command.run { "help" } end
  usage.show(command)
end

return M
