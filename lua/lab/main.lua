--- The entry of build/o2x-lab. `o2x lab` starts it under its own name, so that its hints name the right command.

local args = require "o2x.cli.args"
local command = require "lab.command"
local entry = require "o2x.cli.entry"
local usage = require "o2x.cli.usage"

local function main(words)
  local options, rest = args.parse(command, words)
  entry.set_output(options)
  if options.help or rest[1] == "help" then return usage.show(command) end
  return command.run(options, rest)
end

return function(...) return entry.run(main, { ... }) end
