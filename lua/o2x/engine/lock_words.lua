--- Who holds a tenant, what is in the way of a run that wants to, and what a journal says of its lock, for people.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local own_tables = require "o2x.client.pg.own_tables"
local unfinished = require "o2x.engine.unfinished"
local units = require "o2x.base.units"

local M = {}

--- When a holder gave its last sign of life.
---@param age number? seconds
---@return string
function M.ago(age)
  if not age then return "never" end
  if age < 0 then return units.duration(-age) .. " ahead of the server's clock" end
  return units.duration(age) .. " ago"
end

--- Who a holder is.
---@param holder o2x.pg.holder
---@return string
function M.who(holder)
  return ("%s@%s runs %s (%s) since %s, %s"):format(
    holder.user,
    holder.host,
    holder.runbook,
    holder.run,
    holder.since,
    holder.age and "last sign of life " .. M.ago(holder.age) or "without a sign of life"
  )
end

local RUN <const> = "^R%-%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x+$" -- whole: nobody pastes what is none

-- What is to be typed about the run whose place was taken: its journal is in one run store, which may be another.
local function rest_of(run, from)
  local own = from.run == run.id or run.undo and run.undo.origin == from.run
  if own or not from.run:find(RUN) then return "" end
  if not fs.exists(run.store:journal_of(from.run)) then
    return ("; whether it is unfinished is known on %s: %s asks there o2x show %s"):format(
      from.host,
      from.user,
      from.run
    )
  end
  local ok, summary = pcall(run.store.summary, run.store, from.run)
  if not ok or not unfinished.is(summary) then return "" end
  if from.runbook == run.runbook.name then
    return "; it is unfinished, and this run of the same runbook settles that"
  end
  return ("; it is unfinished, after this run: o2x resume %s"):format(from.run)
end

--- What a run says that took another one's place.
---@param run table
---@param from o2x.pg.holder
---@param ended boolean? is it certain that it has ended?
---@return string
function M.taken_over(run, from, ended)
  local why = ended and "that process has ended" or "it has expired; a helm that it started may still be at work"
  return ("%s is taken over: %s; %s%s"):format(run.tenant_name, M.who(from), why, rest_of(run, from))
end

--- Who gave a tenant back by hand, and why.
---@param released o2x.pg.released
---@return string
function M.released(released)
  return ("given back by %s@%s, %s, after %s: %s"):format(
    released.user,
    released.host,
    released.at,
    released.run,
    released.reason
  )
end

--- The error: another run holds the tenant.
---@param holder o2x.pg.holder
---@return table error
function M.held(holder)
  local rest = math.max(math.ceil(holder.seconds - (holder.age or 0)), 1)
  return errors.new {
    kind = "locked",
    module = "lock",
    code = "held",
    message = ("%s is locked: %s"):format(holder.tenant, M.who(holder)),
    hint = ("wait until it ends, or interrupt it there; without a sign of life it is over in %s: o2x locks %s"):format(
      units.duration(rest),
      holder.tenant
    ),
  }
end

--- The error: another run has taken this one's place.
---@param run table
---@param holder o2x.pg.holder? nil: it has ended already
---@return table error
function M.lost(run, holder)
  return errors.new {
    kind = "locked",
    module = "lock",
    code = "lost",
    message = ("this run has lost %s, because it gave no sign of life; it writes nothing more%s"):format(
      run.tenant_name,
      holder and ": " .. M.who(holder) or ""
    ),
    hint = ("look at what the other run did, then: o2x resume %s"):format(run.id),
  }
end

--- The error: the lock could not be renewed in time.
---@param run table
---@param database string the control database
---@param problem any
---@return table error
function M.silent(run, database, problem)
  return errors.new {
    kind = "unreachable",
    module = "lock",
    code = "silent",
    message = ("the lock of %s could not be renewed, so this run writes nothing more: %s"):format(
      run.tenant_name,
      tostring(problem)
    ),
    hint = ("when %s answers: o2x resume %s"):format(database, run.id),
  }
end

--- The error: the lock could not be taken.
---@param run table
---@param database string the control database
---@param err table why
---@return table error
function M.untaken(run, database, err)
  local mend = own_tables.mend(run.config.pg.user, database, err)
  return errors.new {
    kind = err.kind,
    module = "lock",
    code = err.code,
    message = ("without its lock, %s is not changed: %s"):format(run.tenant_name, tostring(err)),
    details = not mend and err.hint and { err.hint } or nil, -- beside the way without the lock
    hint = mend,
    lacks = not mend and "--local-lock" or nil,
  }
end

--- What is special in what a journal says of its lock.
---@param record table? of Holding:record
---@return string[] lines
function M.lines(record)
  local lines, from = {}, record and record.from
  if record and record.alone then lines[1] = "--local-lock: " .. record.alone end
  if record and record.released then lines[1] = M.released(record.released) end
  if from then lines[1] = ("took over from %s@%s, %s (%s)"):format(from.user, from.host, from.runbook, from.run) end
  return lines
end

return M
