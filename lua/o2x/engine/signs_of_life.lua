--- The signs of life of a run that holds its tenant (holding.lua): every few seconds it renews its row, or takes it
--- where that was not possible at the start. It says once that this does not work, and once that it works again.
---
--- The run's own connection to that database does it as long as nobody else uses it; otherwise one that is kept for it.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local holders = require "o2x.client.pg.holders"
local lock_words = require "o2x.engine.lock_words"
local pool = require "o2x.client.pg.pool"
local task = require "o2x.base.task"
local units = require "o2x.base.units"

local M = {}

local MOMENT <const> = 0.05 -- seconds
local BEATS <const> = 8 -- in the time after which others may take the run's place

local function pause(holding) return holding.words.seconds / BEATS end

-- While it has time, it looks again at the end of that, too: then what is under way must be stopped.
local function until_next(holding)
  local left = holding.number and holding:left() or 0
  return left > 0 and math.min(pause(holding), left + MOMENT) or pause(holding)
end

local function own_pool(self)
  if self.pool then return self.pool end
  local run = self.holding.run
  local options = pool.options(run.config, run.scope.sslmode)
  options.statement_timeout = math.max(self.holding.words.seconds // BEATS, 1)
  options.connect_timeout = math.max(options.statement_timeout, 2)
  self.pool = pool.new(options, { self.holding.place.database })
  return self.pool
end

local function connections(self)
  local of_run = self.holding.run.client "pg"
  return of_run:has_idle(self.holding.place.database) and of_run or own_pool(self)
end

-- -> whether the server answered
local function beat(self)
  local holding = self.holding
  local words, sent = holding.words, clock.boottime()
  local ok, alive, holder = pcall(task.timeout, math.max(until_next(holding), 1), function()
    return connections(self):with(holding.place.database, function(db)
      if holders.renew(db, words, holding.number) then return true end
      return false, holders.list(db, words.tenant)[1]
    end)
  end)
  if not ok and errors.wrap(alive).kind == "cancelled" then error(alive, 0) end
  if not ok then
    holding.problem = errors.wrap(alive)
  elseif alive then
    holding:renewed(sent)
  else
    holding.gone = lock_words.lost(holding.run, holder)
  end
  return ok
end

-- Says once that it does not work, and once that it works again.
local function report(self, answered, before)
  local holding, tenant = self.holding, self.holding.words.tenant
  local left = holding.number and holding:left() or 0
  if holding.gone then
    holding:say("warn", holding.gone.message)
  elseif holding.number and not answered and not self.over and left <= 0 then
    self.over = true
    holding:say("warn", ("the lock of %s is not renewed: this run writes nothing more until it is"):format(tenant))
  elseif holding.number and before and not answered then
    local text = "the lock of %s could not be renewed; without that, this run stops writing in %s: %s"
    holding:say("warn", text:format(tenant, units.duration(math.max(left, 0)), tostring(holding.problem)))
  elseif answered and not before then
    self.over = nil
    holding:say("info", ("the lock of %s is held again"):format(tenant))
  end
end

local function live(self)
  local holding = self.holding
  local before = holding.number ~= nil
  while not holding.gone do
    task.wait(self.wake, until_next(holding))
    self.wake:clear()
    local answered
    local waiting = self.waiting
    self.waiting = {} -- whoever comes from now on waits for the next one
    if holding.number then
      answered = beat(self)
    else
      answered = holding:retake()
    end
    report(self, answered, before)
    local is_over = holding.number and not answered and holding:left() <= 0
    if holding.gone or is_over then holding:stop_under_way() end
    before = answered
    for _, given in ipairs(waiting) do
      given:set()
    end
  end
end

---@class o2x.signs_of_life
local Signs = {}
Signs.__index = Signs

--- Asks for a sign of life at once, and waits for it, as several tasks may. The tasks of scripts start nothing for
--- that: their order counts.
function Signs:now()
  local given = task.event() -- one task waits for an event
  self.waiting[#self.waiting + 1] = given
  self.wake:set()
  task.wait(given, self.holding.words.seconds)
end

--- Ends them.
function Signs:close()
  self.task:cancel()
  self.task:wait(nil, true)
  if self.pool then self.pool:close() end
end

--- Begins to give them.
---@param holding o2x.holding
---@return o2x.signs_of_life to be closed
function M.begin(holding)
  local self = setmetatable({ holding = holding, wake = task.event(), waiting = {} }, Signs)
  self.task = task.spawn(live, self)
  return self
end

return M
