--- Which systems have answered in this run, and how long it waits for them.

local breaker = require "o2x.base.breaker"
local errors = require "o2x.base.error"
local retry = require "o2x.base.retry"
local task = require "o2x.base.task"

local M = {}

-- The kinds of errors that a system's next answer would be, too, if it has not answered yet in this run. So would be
-- one that comes after all attempts.
local SILENT <const> = { unreachable = true, unauthorised = true, timeout = true }

-- A plan holds nothing up when it fails. It tries again for a shorter time than a run does, waits less for the first
-- answer of a system, and its pauses before further attempts are limited in all, whatever it cannot read. In seconds.
local PLAN_SECONDS <const> = 5
local PLAN_SILENCE <const> = 10
local PLAN_PATIENCE <const> = 15

---@class o2x.asked
---@field planning boolean
---@field reached table<string, boolean> system → it has answered
---@field silent table<string, table> system → the error, where it has not answered at all
---@field patience number seconds of pauses that a plan has left
local Asked = {}
Asked.__index = Asked

--- Of a run that has asked nobody yet.
---@param planning boolean
---@return o2x.asked
function M.new(planning)
  return setmetatable({ planning = planning, reached = {}, silent = {}, patience = PLAN_PATIENCE }, Asked)
end

--- Options of a retry: in a plan, for a shorter time, and what is said of it is the same each time.
---@param options o2x.retry.options
---@return o2x.retry.options
function Asked:hurried(options)
  if not self.planning then return options end
  local tell = options.on_retry
  options.seconds, options.terse = math.min(options.seconds or PLAN_SECONDS, PLAN_SECONDS, self.patience), true
  options.on_retry = function(attempt, err, seconds)
    self.patience = math.max(self.patience - seconds, 0)
    if tell then tell(attempt, err, seconds) end
  end
  return options
end

-- The first answer of a system; a plan does not wait for it as long as a request may take.
local function first_answer(options, fn, ...) return task.timeout(PLAN_SILENCE, retry.read, options, fn, ...) end

-- What is not asked any more, because the system has not answered at all.
local function not_asked(first)
  errors.raise {
    kind = first.kind,
    code = breaker.CODE,
    module = first.module,
    message = first.message,
    hint = first.hint,
    retryable = false,
  }
end

--- Asks a system. Until it has answered once in this run, its address may be wrong: then few attempts are enough.
---@param system string
---@param options o2x.retry.options
---@param fn function
---@param ... any arguments of fn
---@return any
function Asked:reach(system, options, fn, ...)
  if self.silent[system] then not_asked(self.silent[system]) end
  options = self:hurried(options)
  if not self.reached[system] then options.silent_attempts = retry.first_attempts end
  local read = self.planning and not self.reached[system] and first_answer or retry.read
  local results = table.pack(xpcall(read, errors.handler, options, fn, ...))
  if results[1] then
    self.reached[system] = true
    return table.unpack(results, 2, results.n)
  end
  local err = results[2]
  if read == first_answer and err.kind == "timeout" and not err.module then
    err = errors.amend(err, { message = ("%s: no answer within %d s"):format(system, PLAN_SILENCE), module = system })
  end
  -- A plan goes on after that, and would wait for it again and again.
  local is_same = self.planning and not self.reached[system] and (SILENT[err.kind] or retry.may(err, true))
  if is_same then self.silent[system] = err end
  error(err, 0)
end

return M
