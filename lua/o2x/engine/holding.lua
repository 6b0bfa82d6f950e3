--- A run holds its tenant, on all machines: a row in the control database, beside the platform's registry. The lock of
--- the run store (lock.lua) comes first; it knows the runs of one folder only.
---
--- The run says every few seconds that it lives. If it could not for three quarters of the time after which others may
--- take its place, it writes nothing more: see admit. A platform without a registry, and a tenant on its way into the
--- lab of a rehearsal, are held by the run store alone.

local clock = require "o2x.base.clock"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fence = require "o2x.effects.pg.fence"
local holders = require "o2x.client.pg.holders"
local identity = require "o2x.base.identity"
local liveness = require "o2x.base.liveness"
local lock_words = require "o2x.engine.lock_words"
local own_tables = require "o2x.client.pg.own_tables"
local pool = require "o2x.client.pg.pool"
local task = require "o2x.base.task"
local units = require "o2x.base.units"

local M = {}

local FIRST <const> = 5 -- seconds for the question at the start
local LAST <const> = 3 -- seconds to give the tenant back
local BEATS <const> = 8 -- in the time after which others may take its place
local OWN_PART <const> = 0.75 -- of that time, during which the run writes without a new beat

-- No table, no schema: nobody has held a tenant of this platform yet.
local NO_TABLE <const> = { ["42P01"] = true, ["3F000"] = true }

---@class o2x.holding: o2x.lease
---@field run table
---@field place table? where the registry is; nil: the run store alone holds the tenant
---@field number integer? of the lock; nil: it could not be taken
---@field problem table? why not
---@field alone string? why that does not matter (--local-lock)
---@field from o2x.pg.holder? whose place it took
---@field ended boolean? that one had ended for certain
local Holding = {}
Holding.__index = Holding
Holding.__close = function(self) self:release() end

-- ---- what it says ----

local function refuse(holder)
  local rest = math.max(math.ceil(holder.seconds - holder.age), 1)
  errors.raise {
    kind = "locked",
    module = "lock",
    code = "held",
    message = ("%s is locked: %s"):format(holder.tenant, lock_words.who(holder)),
    hint = ("wait until it ends, or interrupt it there; without a sign of life it is over in %s: o2x locks %s"):format(
      units.duration(rest),
      holder.tenant
    ),
  }
end

local function lost(self, holder)
  local run = self.run
  return errors.new {
    kind = "locked",
    module = "lock",
    code = "lost",
    message = ("this run has lost %s, because it gave no sign of life; it writes nothing more%s"):format(
      run.tenant_name,
      holder and ": " .. lock_words.who(holder) or ""
    ),
    hint = ("look at what the other run did, then: o2x resume %s"):format(run.id),
  }
end

local function silent(self)
  return errors.new {
    kind = "unreachable",
    module = "lock",
    code = "silent",
    message = ("the lock of %s could not be renewed, so this run writes nothing more: %s"):format(
      self.run.tenant_name,
      tostring(self.problem)
    ),
    hint = ("when %s answers: o2x resume %s"):format(self.place.database, self.run.id),
  }
end

local function untaken(self, err)
  local grant = own_tables.mend(self.run.config.pg.user, self.place.database, err)
  return errors.new {
    kind = err.kind,
    module = "lock",
    code = err.code,
    message = ("without its lock, %s is not changed: %s"):format(self.run.tenant_name, tostring(err)),
    hint = grant,
    lacks = not grant and "--local-lock" or nil,
  }
end

-- ---- the row ----

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

-- How long a beat that was sent at a time is good for, by a clock that also counts while the machine sleeps.
local function hold(self, sent) self.good_until = sent + self.words.seconds * OWN_PART end

local function attempt(self, db, ended)
  local ok, number, before = pcall(holders.take, db, self.words, ended)
  if ok then return number, before end
  if not (errors.is(number) and NO_TABLE[number.code]) then error(number, 0) end
  db:pipeline(holders.tables())
  return holders.take(db, self.words, ended)
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
  if not number then refuse(before) end
  self.number, self.from, self.problem = number, before, nil
  hold(self, sent)
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

-- ---- signs of life ----

local function connections(self)
  if self.pool then return self.pool end
  local run = self.run
  local options = pool.options(run.config, run.scope.sslmode)
  options.statement_timeout = math.max(self.words.seconds // BEATS, 1)
  options.connect_timeout = math.max(options.statement_timeout, 2)
  self.pool = pool.new(options, { self.place.database })
  return self.pool
end

-- -> whether the server answered
local function beat(self)
  local sent = clock.boottime()
  local ok, alive, holder = pcall(task.timeout, math.max(self.words.seconds / BEATS, 1), function()
    return connections(self):with(self.place.database, function(db)
      if holders.renew(db, self.words, self.number) then return true end
      return false, holders.list(db, self.words.tenant)[1]
    end)
  end)
  if not ok and errors.wrap(alive).kind == "cancelled" then error(alive, 0) end
  if not ok then
    self.problem = errors.wrap(alive)
  elseif alive then
    self.problem = nil
    hold(self, sent)
  else
    self.gone = lost(self, holder)
  end
  return ok
end

local function say(self, level, text) self.run.report:message("", level, text) end

-- Where it could not be taken at the start, it is tried again.
local function retake(self)
  local ok, err = pcall(task.timeout, FIRST, function()
    take(self)
    fence_off(self)
  end)
  if ok then return true end
  err = errors.wrap(err)
  if err.kind == "cancelled" then error(err, 0) end
  self.problem = err.kind == "locked" and err or untaken(self, err)
  return false
end

-- Says once that it does not work, and once that it works again.
local function report(self, answered, before)
  local tenant = self.words.tenant
  if self.gone then
    say(self, "warn", self.gone.message)
  elseif self.number and not answered and not self.over and clock.boottime() >= self.good_until then
    self.over = true
    say(self, "warn", ("the lock of %s is not renewed: this run writes nothing more until it is"):format(tenant))
  elseif self.number and before and not answered then
    local rest = math.max(self.good_until - clock.boottime(), 0)
    local text = "the lock of %s could not be renewed; without that, this run stops writing in %s: %s"
    say(self, "warn", text:format(tenant, units.duration(rest), tostring(self.problem)))
  elseif answered and not before then
    self.over = nil
    say(self, "info", ("the lock of %s is held again"):format(tenant))
  end
end

local function live(self)
  local before = self.number ~= nil
  while not self.gone do
    task.wait(self.wake, self.words.seconds / BEATS)
    self.wake:clear()
    local answered
    if self.number then
      answered = beat(self)
    else
      answered = retake(self)
    end
    report(self, answered, before)
    before = answered
    self.beaten:set()
  end
end

-- Asks for a sign of life at once, and waits for it. The tasks of scripts start nothing for that: their order counts.
local function beat_now(self)
  if self.gone or self.released then return end
  self.beaten:clear()
  self.wake:set()
  task.wait(self.beaten, self.words.seconds)
end

-- ---- may it write? ----

--- Raises if the tenant may be another run's. From memory, unless the time is over: after a sleep of the machine nobody
--- else need have come.
function Holding:check()
  if not self.number then return end
  if clock.boottime() >= self.good_until then beat_now(self) end
  if self.gone then error(self.gone, 0) end
  if clock.boottime() >= self.good_until then error(silent(self), 0) end
end

--- Raises unless the run holds its tenant: before each write, and before it is announced.
function Holding:admit()
  if not self.place or self.alone then return end
  if not self.number then beat_now(self) end
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
  local from = self.from
  return {
    number = self.number,
    from = from and { run = from.run, runbook = from.runbook, user = from.user, host = from.host } or nil,
  }
end

-- ---- from the beginning to the end ----

local function start(self)
  self.wake, self.beaten = task.event(), task.event()
  self.beats = task.spawn(live, self)
end

-- Where the run must not write without it, it says so at its first write; one that only looks goes on.
local function put_off(self, err)
  self.problem = untaken(self, err)
  if not self.run.config.local_lock then return start(self) end
  self.alone = tostring(err)
  local text = "--local-lock: runs on other machines are not kept from %s: %s"
  say(self, "warn", text:format(self.run.tenant_name, self.alone))
end

local function tell(self)
  local from = self.from
  if not from then return end
  say(
    self,
    "warn",
    ("%s is taken over: %s; %s"):format(
      self.run.tenant_name,
      lock_words.who(from),
      self.ended and "that process has ended" or "it has expired"
    )
  )
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
  tell(self)
  start(self)
  return self
end

local function give_back(self)
  self.run.client "pg":with(self.place.database, function(db) holders.release(db, self.words, self.number) end)
end

--- Gives the tenant back. Whoever cannot be told finds out by the missing signs of life. May be called twice.
function Holding:release()
  if self.beats then
    self.beats:cancel()
    self.beats:wait(nil, true)
  end
  if self.number and not self.gone and not self.released then
    local handle = task.spawn(give_back, self) -- also where this task was cancelled
    if not handle:wait(LAST, true) then
      handle:cancel()
      handle:wait(nil, true)
    end
  end
  self.beats, self.released = nil, true
  if self.pool then self.pool:close() end
  self.pool = nil
end

return M
