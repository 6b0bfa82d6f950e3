--- A run holds its tenant, on all machines: a row in the control database, beside the platform's registry. The lock of
--- the run store (lock.lua) comes first; it knows the runs of one folder only.
---
--- The run says every few seconds that it lives (signs_of_life.lua). If it could not for three quarters of the time
--- after which others may take its place, it writes nothing more: see admit. A platform without a registry, and a
--- tenant on its way into the lab of a rehearsal, are held by the run store alone.

local clock = require "o2x.base.clock"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fence = require "o2x.effects.pg.fence"
local holders = require "o2x.client.pg.holders"
local identity = require "o2x.base.identity"
local liveness = require "o2x.base.liveness"
local lock_words = require "o2x.engine.lock_words"
local own_tables = require "o2x.client.pg.own_tables"
local signs_of_life = require "o2x.engine.signs_of_life"
local task = require "o2x.base.task"

local M = {}

local FIRST <const> = 5 -- seconds for the question at the start
local LAST <const> = 3 -- seconds to give the tenant back
local OWN_PART <const> = 0.75 -- of the time after which others may take its place, while it writes without a new sign

-- No table, no schema: nobody has held a tenant of this platform yet. No column: the table is of an older o2x.
local MISSING <const> = { ["42P01"] = holders.tables, ["3F000"] = holders.tables, ["42703"] = holders.columns }

---@class o2x.holding: o2x.lease
---@field run table
---@field place table? where the registry is; nil: the run store alone holds the tenant
---@field number integer? of the lock; nil: it could not be taken
---@field problem table? why not
---@field gone table? the error: another run has its place
---@field alone string? why that does not matter (--local-lock)
---@field from o2x.pg.holder? whose place it took
---@field ended boolean? that one had ended for certain
---@field released o2x.pg.released? who has given it back by hand before
local Holding = {}
Holding.__index = Holding
Holding.__close = function(self) self:release() end

-- ---- taking it ----

local function words_of(run)
  local user, host = identity.here()
  return {
    tenant = run.tenant_name,
    run = run.id,
    runbook = run.runbook.name,
    user = user,
    host = host,
    machine = liveness.machine(),
    process = liveness.process(),
    seconds = run.config.lock.seconds,
  }
end

--- Notes a sign of life: for how long it is good, by a clock that also counts while the machine sleeps.
---@param sent number when it was sent
function Holding:renewed(sent)
  self.good_until, self.problem = sent + self.words.seconds * OWN_PART, nil
end

--- How long the run may write without another sign of life.
---@return number seconds
function Holding:left() return self.good_until - clock.boottime() end

-- What the run asks this database next goes along: whose the tenant's id is.
local function attempt(self, db, ended)
  local along, hear = self.run.registration:ahead()
  local ok, number, before, rows, released = pcall(holders.take, db, self.words, ended, along)
  if not ok then
    local make = errors.is(number) and MISSING[number.code]
    if not make then error(number, 0) end
    db:pipeline(make())
    number, before, rows, released = holders.take(db, self.words, ended, along)
  end
  if rows then hear(rows) end
  self.released = released
  return number, before
end

-- Takes the row: from nobody, from one who has expired, or from one who has ended for certain.
local function take_row(self, db)
  local sent = clock.boottime()
  local number, before = attempt(self, db)
  if not number and before and liveness.has_ended(before.machine, before.process) then
    number, before = attempt(self, db, before)
    self.ended = number ~= nil
  elseif not number and not before then
    number, before = attempt(self, db) -- somebody else took it at the same moment
  end
  if not number then error(lock_words.held(before), 0) end
  self.number, self.from = number, before
  fence.note(self.run.ctx, self.place.database)
  self:renewed(sent)
end

local function take(self)
  self.run.client "pg":with(self.place.database, function(db) take_row(self, db) end)
end

-- Whose place it took may still write where nothing has been written by the new number, unless it has ended.
local function fence_off(self)
  local database = self.from and not self.ended and (self.run.scope.pg or {}).tenant
  if not database or database == self.place.database then return end
  local ok, err = pcall(self.run.client("pg").with, self.run.client "pg", database, function(db)
    db:pipeline(own_tables.make())
    fence.raise(self.run.ctx, db)
  end)
  if not ok and not (errors.is(err) and err.code == "3D000") then error(err, 0) end
end

--- Says something in the run's report.
---@param level "info"|"warn"
---@param text string
function Holding:say(level, text) self.run.report:message("", level, text) end

--- Where it could not be taken at the start, it is tried again.
---@return boolean taken
function Holding:retake()
  local ok, err = pcall(task.timeout, FIRST, function()
    take(self)
    fence_off(self)
  end)
  if ok then return true end
  err = errors.wrap(err)
  if err.kind == "cancelled" then error(err, 0) end
  self.problem = err.kind == "locked" and err or lock_words.untaken(self.run, self.place.database, err)
  return false
end

-- ---- what is under way when it may not write any more ----

--- Calls `stop` once the run may not write any more.
---@param stop fun()
---@return table registered to be closed
function Holding:on_loss(stop)
  self.under_way = self.under_way or {}
  self.under_way[stop] = true
  return defer(function() self.under_way[stop] = nil end)
end

--- Stops the programs of this run that write. They have the rest of the time in which nobody else takes its place.
function Holding:stop_under_way()
  for stop in pairs(self.under_way or {}) do
    self.under_way[stop] = nil
    task.spawn(stop)
  end
end

-- ---- may it write? ----

local function sign_now(self)
  if self.signs and not self.gone then self.signs:now() end
end

--- Raises if the tenant may be another run's. From memory, unless the time is over: after a sleep of the machine nobody
--- else need have come.
function Holding:check()
  if not self.number then return end
  if self:left() <= 0 then sign_now(self) end
  if self.gone then error(self.gone, 0) end
  if self:left() <= 0 then error(lock_words.silent(self.run, self.place.database, self.problem), 0) end
end

--- Raises unless the run holds its tenant: before each write, and before it is announced.
function Holding:admit()
  if not self.place or self.alone then return end
  if not self.number then sign_now(self) end
  if not self.number then error(self.problem, 0) end
  self:check()
end

--- What transactions compare.
---@return { tenant: string, number: integer, run: string }? nil: there is nothing to compare
function Holding:fence()
  return self.number and { tenant = self.words.tenant, number = self.number, run = self.run.id } or nil
end

--- What the journal says of it.
---@return table? record
function Holding:record()
  if self.alone then return { alone = self.alone } end
  if not self.number then return nil end
  local from, released = self.from, self.released
  return {
    number = self.number,
    released = released and {
      run = released.run,
      user = released.user,
      host = released.host,
      at = released.at,
      reason = released.reason,
    } or nil,
    from = from and { run = from.run, runbook = from.runbook, user = from.user, host = from.host } or nil,
  }
end

-- ---- from the beginning to the end ----

-- Where the run must not write without it, it says so at its first write; one that only looks goes on.
local function put_off(self, err)
  self.problem = lock_words.untaken(self.run, self.place.database, err)
  if not self.run.config.local_lock then
    self.signs = signs_of_life.begin(self)
    return
  end
  self.alone = tostring(err)
  local text = "--local-lock: runs on other machines are not kept from %s: %s"
  self:say("warn", text:format(self.run.tenant_name, self.alone))
end

--- Takes the tenant of a run. Raises "locked" if another run holds it. If the control database does not answer, the run
--- goes on until it wants to write.
---@param run table with its id
---@return o2x.holding
function M.take(run)
  local self = setmetatable({ run = run }, Holding)
  run.lease = self
  local registry = run.platform.registry
  local writes = run.undo ~= nil or next(run.declared) ~= nil
  self.place = writes and not run.arrival and registry and registry(run.tenant) or nil
  if not self.place then return self end
  self.words = words_of(run)
  local ok, err = pcall(task.timeout, FIRST, take, self)
  if not ok then
    err = errors.wrap(err)
    if err.kind == "cancelled" or err.kind == "locked" or err.kind == "bug" then error(err, 0) end
    put_off(self, err)
    return self
  end
  local _release <close> = defer(function(problem)
    if problem then self:release() end
  end)
  fence_off(self)
  if self.from then self:say("warn", lock_words.taken_over(self.run, self.from, self.ended)) end
  self.signs = signs_of_life.begin(self)
  return self
end

local function give_back(self)
  self.run.client "pg":with(self.place.database, function(db) holders.release(db, self.words, self.number) end)
end

--- Begins to give the tenant back: the run writes nothing more. May be called twice.
function Holding:let_go()
  if self.signs then self.signs:close() end
  self.signs = nil
  if not self.number or self.gone or self.giving then return end
  self.giving = task.spawn(give_back, self) -- also where this task was cancelled
end

--- Gives the tenant back. Whoever cannot be told finds out by the missing signs of life. May be called twice.
function Holding:release()
  self:let_go()
  local giving = self.giving
  if not giving or self.given then return end
  self.given = true
  if giving:wait(LAST, true) then return end
  giving:cancel()
  giving:wait(nil, true)
end

return M
