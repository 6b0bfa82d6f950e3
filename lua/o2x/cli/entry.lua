--- What every program of o2x begins and ends with: an error becomes one line and an exit code.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"

local M = {}

--- Applies the options that every command takes.
---@param options table
function M.set_output(options)
  out.quiet, out.verbose = options.quiet or false, options.verbose or false
  if options.no_color then out.colour = false end
end

--- Runs the program's main function; an error is printed, not raised.
---@param main fun(words: string[]): integer?
---@param words string[] of the command line
---@return integer exit code
function M.run(main, words)
  local ok, result = xpcall(main, errors.handler, words)
  if ok then return result or 0 end
  result = errors.wrap(result) -- Lua raises a lack of memory as plain text
  if result.kind == "bug" and not result.hint then result.hint = "--verbose shows where in the program" end
  out.problem(result, result.step)
  return errors.exit_code(result)
end

return M
