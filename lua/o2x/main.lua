--- The program's entry: finds the command and runs it.

local args = require "o2x.cli.args"
local commands = require "o2x.cli.commands"
local entry = require "o2x.cli.entry"
local lazy = require "o2x.base.lazy"
local config = lazy "o2x.project.config"
local proposed = require "o2x.report.proposed"
local usage = lazy "o2x.cli.usage"

local function dispatch(arguments)
  local name = arguments[1]
  if not name or name == "--help" or name == "-h" then name = "help" end
  if name == "--version" then name = "version" end
  if name:find "^%-" then commands.option_first(arguments) end
  local command, runbook = commands.find(name, arguments[2])
  local rest = table.move(arguments, runbook and 1 or 2, #arguments, 1, {})
  if command.raw then return command.run(rest) end
  local options, positional = args.parse(command, rest)
  entry.set_output(options)
  if options.help and runbook then return commands.find("info").run(options, { runbook }) end
  if options.help then return usage.show(command) end
  return command.run(options, positional, commands)
end

return function(...)
  local arguments = { ... }
  proposed.called(arg[0], arguments, commands.taking_set, function(key) return config.is_key(key) end)
  return entry.run(dispatch, arguments)
end
