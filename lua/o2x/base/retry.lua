--- The retry policy: how long to wait, when to give up. Which failures are worth another try is in retry_rules/: a
--- client puts what they say into its error (retryable, kind, answered).
-- A request that certainly had no effect (refused, 429, a serialisation failure) may be sent again; one whose outcome
-- is unknown is never resent blindly: the gate asks the system first.

local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local M = {
  attempts = 40, -- of one operation; usually the time limit is reached first
  first_attempts = 3, -- until a system has answered once in this run: before that the address is probably wrong
  -- Limit for one operation with all its attempts and pauses. A run gives its own: the configuration's retry.seconds.
  seconds = 60,
  first = 0.1, -- first pause in seconds; doubled each time, with jitter
  longest = 10, -- longest pause
  longest_retry_after = 60, -- limit for a server's Retry-After
}

--- May the operation be retried after this error? Only if a rule says so; a read also where the outcome is unknown.
---@param err any
---@param is_read boolean
---@return boolean
function M.may(err, is_read)
  if not errors.is(err) then return false end
  if err.retryable ~= nil then return err.retryable end
  return is_read and err.kind == "unknown"
end

--- Seconds to wait before attempt n + 1: full jitter below a doubling limit, or the server's Retry-After.
---@param n integer attempts made
---@param err table the last error; retry_after in seconds if the server sent one
---@param first number? limit of the first pause; doubled each time
---@return number
function M.pause(n, err, first)
  local retry_after = tonumber(err.retry_after)
  if retry_after and retry_after > 0 then return math.min(retry_after, M.longest_retry_after) end
  return math.random() * math.min((first or M.first) * 2 ^ n, M.longest)
end

---@class o2x.retry.options
---@field on_retry (fun(n: integer, err: table, seconds: number))? told before each pause
---@field attempts integer? at most; 40 by default
---@field silent_attempts integer? at most, while the system has not answered at all: perhaps the address is wrong
---@field seconds number? limit for all attempts and pauses together; 60 by default
---@field first_pause number? limit of the first pause in seconds; 0.1 by default
---@field sleep (fun(seconds: number))? waits; task.sleep by default
---@field terse boolean? the last error does not say how often and how long it was tried: a plan says the same each time

-- The last error says how long it was tried; several tasks may have waited for the same answer.
local function give_up(err, made, began, terse)
  if terse or made < 2 or err.message:find(" %(tried %d+ times in %d+ s%)$") then return false end
  errors.amend(err, { message = ("%s (tried %d times in %.0f s)"):format(err.message, made, task.now() - began) })
  return false
end

--- One operation's budget of attempts and time.
---@param options o2x.retry.options
---@return table budget again(err) waits and returns true, or false when the budget is spent; done() after a success
function M.budget(options)
  local made, began, answered = 0, task.now(), options.silent_attempts == nil
  local sleep, limit = options.sleep or task.sleep, options.seconds or M.seconds
  local pausing, last = task.context().pausing or {}, nil -- of the time limit around it, whose error says why
  return {
    done = function()
      if pausing.why == last then pausing.why = nil end
    end,
    again = function(err)
      made, answered = made + 1, answered or err.answered == true
      local most = math.min(options.attempts or M.attempts, answered and math.huge or options.silent_attempts)
      local seconds = M.pause(made, err, options.first_pause)
      if made >= most or task.now() + seconds > began + limit then return give_up(err, made, began, options.terse) end
      if options.on_retry then options.on_retry(made, err, seconds) end
      last, pausing.why = err, err
      sleep(seconds)
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
    if results[1] then
      if budget then budget.done() end
      return table.unpack(results, 2, results.n)
    end
    local err = results[2]
    if not M.may(err, true) then error(err, 0) end
    budget = budget or M.budget(options)
    if not budget.again(err) then error(err, 0) end
  end
end

return M
