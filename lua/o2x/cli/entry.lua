--- The entry point of every o2x program: turns an error into one line and an exit code.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"

local M = {}

--- Applies the options that every command takes.
---@param options table
function M.set_output(options)
  out.quiet, out.verbose = options.quiet or false, options.verbose or false
  if options.no_color then out.colour = false end
end

--- Runs the program's main function and prints its error.
---@param main fun(arguments: string[]): integer?
---@param arguments string[] of the command line
---@return integer exit code
function M.run(main, arguments)
  local ok, result = xpcall(main, errors.handler, arguments)
  if ok then return result or 0 end
  result = errors.wrap(result) -- Lua raises "not enough memory" as plain text
  if result.kind == "bug" and not result.hint then
    errors.amend(result, { hint = "this is a bug in o2x; --verbose shows where" })
  end
  out.problem(result, result.step)
  return errors.exit_code(result)
end

return M
