--- The retry policy: which failures may be retried, how long to wait, when to give up.
-- A request that certainly had no effect (refused, 429, a serialisation failure) may be sent again; one whose outcome
-- is unknown is never resent blindly: the gate asks the system first.

local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local M = {
  attempts = 40, -- of one operation; usually the time limit is reached first
  first_attempts = 3, -- until a system was reached once in this run: before that the address is probably wrong
  -- Limit for one operation with all its attempts and pauses. A run gives its own: the configuration's retry.seconds.
  seconds = 60,
  first = 0.1, -- first pause in seconds; doubled each time, with jitter
  longest = 10, -- longest pause
  longest_retry_after = 60, -- limit for a server's Retry-After
}

local TRANSIENT = { unreachable = true, timeout = true, unknown = true }

--- May the operation be retried after this error? Reads may after any transient failure, writes only if the client says
--- that nothing was done.
---@param err any
---@param is_read boolean
---@return boolean
function M.may(err, is_read)
  if not errors.is(err) then return false end
  if err.retryable ~= nil then return err.retryable end
  return is_read and TRANSIENT[err.kind] or false
end

--- Seconds to wait before attempt n + 1: full jitter below a doubling limit, or the server's Retry-After.
---@param n integer attempts made
---@param err table the last error; retry_after in seconds if the server sent one
---@return number
function M.pause(n, err)
  local retry_after = tonumber(err.retry_after)
  if retry_after then return math.min(math.max(retry_after, 0), M.longest_retry_after) end
  return math.random() * math.min(M.first * 2 ^ n, M.longest)
end

---@class o2x.retry.options
---@field on_retry (fun(n: integer, err: table, seconds: number))? told before each pause
---@field attempts integer? at most; 40 by default
---@field seconds number? limit for all attempts and pauses together; 60 by default

--- One operation's budget of attempts and time.
---@param options o2x.retry.options
---@return table budget again(err) waits and returns true, or false when the budget is spent
function M.budget(options)
  local made, give_up = 0, task.now() + (options.seconds or M.seconds)
  local attempts = options.attempts or M.attempts
  return {
    again = function(err)
      made = made + 1
      local seconds = M.pause(made, err)
      if made >= attempts or task.now() + seconds > give_up then return false end
      if options.on_retry then options.on_retry(made, err, seconds) end
      task.sleep(seconds)
      return true
    end,
  }
end

--- Runs a read and retries it while its failures are transient.
---@param options o2x.retry.options
---@param fn function
---@param ... any arguments of fn
---@return any
function M.read(options, fn, ...)
  local budget
  while true do
    local results = table.pack(xpcall(fn, errors.handler, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    local err = results[2]
    if not M.may(err, true) then error(err, 0) end
    budget = budget or M.budget(options)
    if not budget.again(err) then error(err, 0) end
  end
end

return M
