--- The program's entry: finds the command, runs it, turns errors into one line and an exit code.

local args = require "o2x.args"
local errors = require "o2x.error"
local nearest = require "o2x.nearest"
local out = require "o2x.out"

-- name → what it does, in the order in which help shows them
local COMMANDS = {
  "run", "plan", "resume", "runs", "show", "list", "info", "check", "lock", "new", "defs", "lab", "config", "version", "help",
}

local known = {}
for _, name in ipairs(COMMANDS) do known[name] = true end

local function find(name)
  if known[name] then return require("o2x.cli." .. name) end
  errors.input(("unknown command '%s'%s"):format(out.printable(name), nearest.suggest(name, COMMANDS)),
    "o2x help lists the commands")
end

local function set_output(options)
  out.quiet, out.verbose = options.quiet or false, options.verbose or false
  if options.no_color then out.colour = false end
end

local function dispatch(words)
  local name = words[1]
  if not name or name == "--help" or name == "-h" then name = "help" end
  if name == "--version" then name = "version" end
  local command = find(name)
  local rest = table.move(words, 2, #words, 1, {})
  local options, positional = args.parse(command, rest)
  set_output(options)
  if options.help then return require("o2x.cli.help").of(command) end
  return command.run(options, positional)
end

return function(...)
  local ok, result = xpcall(dispatch, errors.handler, { ... })
  if ok then return result or 0 end
  result = errors.wrap(result) -- a lack of memory is raised as a mere text
  if result.kind == "bug" and not result.hint then result.hint = "--verbose shows where in the program" end
  out.problem(result, result.step)
  return errors.exit_code(result)
end
