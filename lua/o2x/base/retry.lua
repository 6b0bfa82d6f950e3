--- Trying again, in one place: what may be tried again, how long to wait, when to give up.
-- A request that was surely not carried out (refused, 429, a serialisation failure) may be sent again; one whose outcome
-- is unknown is never resent blindly: the gate asks the system first.

local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local M = {
  attempts = 40, -- of one operation; as a rule the time is over first
  first_attempts = 3, -- as long as a system was never reached in this run: then it is rather the address that is wrong
  seconds = 60, -- for one operation, all attempts and pauses together (configuration: retry.seconds)
  first = 0.1, -- of the pauses; doubled each time, with jitter
  longest = 10,
  longest_told = 60, -- of a server's Retry-After
}

local TRANSIENT = { unreachable = true, timeout = true, unknown = true }

--- May an operation that failed so be tried again? Reads may after any transient failure; writes only when the
-- client says that nothing was done.
---@param err any
---@param is_read boolean
---@return boolean
function M.may(err, is_read)
  if not errors.is(err) then return false end
  if err.retryable ~= nil then return err.retryable end
  return is_read and TRANSIENT[err.kind] or false
end

--- Seconds to wait before attempt n + 1: full jitter below a doubling limit, or what the server asked for.
---@param n integer attempts made
---@param err table the last error; retry_after in seconds if the server told
---@return number
function M.pause(n, err)
  local told = tonumber(err.retry_after)
  if told then return math.min(math.max(told, 0), M.longest_told) end
  return math.random() * math.min(M.first * 2 ^ n, M.longest)
end

--- One operation's budget of attempts and time.
---@param on_retry fun(n: integer, err: table, seconds: number)
---@param attempts integer?
---@return table budget again(err) waits and gives true, or false when it is spent
function M.budget(on_retry, attempts)
  local made, give_up = 0, task.now() + M.seconds
  attempts = attempts or M.attempts
  return {
    again = function(err)
      made = made + 1
      local seconds = M.pause(made, err)
      if made >= attempts or task.now() + seconds > give_up then return false end
      on_retry(made, err, seconds)
      task.sleep(seconds)
      return true
    end,
  }
end

--- Runs a read, again while its failures are transient.
---@param on_retry fun(n: integer, err: table, seconds: number)
---@param attempts integer?
---@param fn function
---@return any
function M.read(on_retry, attempts, fn, ...)
  local budget
  while true do
    local results = table.pack(xpcall(fn, errors.handler, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    local err = results[2]
    if not M.may(err, true) then error(err, 0) end
    budget = budget or M.budget(on_retry, attempts)
    if not budget.again(err) then error(err, 0) end
  end
end

return M
