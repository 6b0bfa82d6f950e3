--- The program's entry: finds the command and runs it.

local args = require "o2x.cli.args"
local entry = require "o2x.cli.entry"
local errors = require "o2x.base.error"
local suggest = require "o2x.base.suggest"
local out = require "o2x.report.out"

-- name → what it does, in the order in which help shows them
local COMMANDS = {
  "run",
  "plan",
  "resume",
  "runs",
  "show",
  "list",
  "info",
  "check",
  "lock",
  "new",
  "defs",
  "lab",
  "config",
  "version",
  "help",
}

local known = {}
for _, name in ipairs(COMMANDS) do
  known[name] = true
end

local function find(name)
  if known[name] then return require("o2x.cli." .. name) end
  errors.input(
    ("unknown command '%s'%s"):format(out.printable(name), suggest.did_you_mean(name, COMMANDS)),
    "o2x help lists the commands"
  )
end

local function dispatch(words)
  local name = words[1]
  if not name or name == "--help" or name == "-h" then name = "help" end
  if name == "--version" then name = "version" end
  local command = find(name)
  local rest = table.move(words, 2, #words, 1, {})
  if command.raw then return command.run(rest) end
  local options, positional = args.parse(command, rest)
  entry.set_output(options)
  if options.help then return require("o2x.cli.usage").show(command) end
  return command.run(options, positional)
end

return function(...) return entry.run(dispatch, { ... }) end
