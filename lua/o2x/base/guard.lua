--- The guard of a write: what was compared is still there when it is written, or nothing is written. Each effect type
--- says what its guard is (docs/effects.md); a refusal is one error, whichever system it comes from. The gate then
--- looks again, and never simply sends the same once more (engine/apply.lua).

local errors = require "o2x.base.error"

local M = {}

--- Raises: somebody else was faster, and nothing was written.
---@param module string
---@param what string the thing that was to be written, for people
function M.refuse(module, what)
  errors.raise {
    kind = "conflict",
    module = module,
    op = "write",
    outdated = true,
    retryable = false,
    message = what .. ": somebody else changed it meanwhile; it is left as it is",
  }
end

--- Is this the refusal of a guard?
---@param err any
---@return boolean
function M.refused(err) return errors.is(err) and err.outdated == true end

--- Runs fn; an error by which the system says that what was compared is outdated becomes a guard's refusal.
---@param says_so fun(err: table): boolean of an error object
---@param fn function
---@param ... any arguments of fn
---@return any
function M.run(says_so, fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err = results[2]
  if errors.is(err) and says_so(err) then errors.amend(err, { outdated = true, retryable = false }) end
  error(err, 0)
end

return M
