--- The entry point of every o2x program: turns an error into one line and an exit code.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local sink = require "o2x.base.sink"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

--- Applies the options that every command takes.
---@param options table
function M.set_output(options)
  out.quiet, out.verbose = options.quiet or false, options.verbose or false
  if options.no_color then out.colour = false end
end

--- The exit code when all went well, except that output is missing: EX_IOERR of sysexits.h.
M.OUTPUT_LOST = 74

-- Whoever reads the output or the exit code must not take it for complete. An error keeps its own code.
local function check_output(code)
  local lost = sink.lost()
  for _, name in ipairs(sorted_keys(lost)) do
    out.problem(errors.new { kind = "failed", message = ("%s is incomplete: %s"):format(name, lost[name]) })
  end
  return next(lost) and (code == 0 or code == 2) and M.OUTPUT_LOST or code
end

local function run(main, arguments)
  local ok, result = xpcall(main, errors.handler, arguments)
  if ok then return result or 0 end
  result = errors.wrap(result) -- Lua raises "not enough memory" as plain text
  if result.kind == "bug" and not result.hint then
    errors.amend(result, { hint = "this is a bug in o2x; --verbose shows where" })
  end
  out.problem(result, result.step)
  return errors.exit_code(result)
end

--- Runs the program's main function and prints its error.
---@param main fun(arguments: string[]): integer?
---@param arguments string[] of the command line
---@return integer exit code
function M.run(main, arguments) return check_output(run(main, arguments)) end

return M
