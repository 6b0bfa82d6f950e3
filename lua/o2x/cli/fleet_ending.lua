--- How a run over several tenants ends on the screen: a table of the tenants, and what to type next.

local ending = require "o2x.cli.ending"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local plan = require "o2x.engine.plan"
local proposed = require "o2x.report.proposed"
local same_again = require "o2x.engine.same_again"
local sorted_keys = require "o2x.base.sorted_keys"
local units = require "o2x.base.units"

local M = {}

local ENDED <const> = { done = true, incomplete = true }
local COLOURS <const> =
  { done = "green", incomplete = "yellow", failed = "red", interrupted = "yellow", refused = "yellow" }

local function rows_of(outcomes, style)
  local rows = { { "TENANT", "STATUS", "CHANGED", "TIME", "RUN", "" } }
  for i, outcome in ipairs(outcomes) do
    local counts = outcome.counts
    rows[i + 1] = {
      outcome.tenant,
      style[COLOURS[outcome.status] or "dim"](outcome.status .. (outcome.earlier and " earlier" or "")),
      counts and tostring(counts.created + counts.changed + counts.deleted) or "-",
      outcome.seconds and units.duration(outcome.seconds) or "-",
      outcome.run or "-",
      out.printable(outcome.error and tostring(outcome.error) or outcome.note or ""),
    }
  end
  return rows
end

-- Where no run has written anything, all of it is started again: a resumed check finds the same, and is no way on. What
-- was done before this attempt is left out by o2x resume only.
local function only_looked(outcomes)
  for _, outcome in ipairs(outcomes) do
    if outcome.begun or outcome.earlier then return false end
  end
  return true
end

-- One line for all: the first tenant that was refused stopped the fleet.
local function from_the_start(outcomes)
  for _, outcome in ipairs(outcomes) do
    if outcome.status == "refused" then return ending.after_refusal(outcome.error) end
  end
  return proposed.typed()
end

-- The command by which a fleet was started, whatever was typed since.
local function start_of(fleet)
  local words = { fleet.runbook }
  for _, name in ipairs(sorted_keys(fleet.params)) do
    words[#words + 1] = ("%s=%s"):format(name, fleet.params[name])
  end
  return ending.run_command({ runbook = { severe = fleet.confirmed } }, words, {
    tenants = fleet.selector,
    at_once = fleet.at_once ~= 1 and fleet.at_once or nil,
    keep_going = fleet.keep_going,
    standard = fleet.standard,
    secrets = fleet.secrets,
    take_over = fleet.take_over,
  })
end

local function any(outcomes, fits)
  for _, outcome in ipairs(outcomes or {}) do
    if fits(outcome) then return true end
  end
  return false
end

local function starts_again(outcome) return same_again.start_again(outcome.error) ~= nil end
local function wants_edited(outcome) return outcome.edited end

--- What to type next.
---@param fleet table
---@param options table of the command line
---@param outcomes table[]? of its tenants; nil: it is under way
---@param status string? of it
---@return string? command
function M.next_of(fleet, options, outcomes, status)
  local is_anew = status == "refused" or not fleet.undoes -- an undo that has begun is in the way of another one
  if outcomes and is_anew and only_looked(outcomes) then return from_the_start(outcomes) end
  if not (fleet.undoes or fleet.plan) and any(outcomes, starts_again) then return start_of(fleet) end
  local edited = options.edited or any(outcomes, wants_edited)
  return "o2x resume " .. fleet.id .. (edited and " --edited" or "")
end

local function data_of(fleet, outcomes, status, next_command, warnings)
  local list = {}
  for i, outcome in ipairs(outcomes) do
    list[i] = {
      tenant = outcome.tenant,
      status = outcome.status,
      run = outcome.run,
      seconds = outcome.seconds,
      left = outcome.left and json.array(outcome.left),
      totals = outcome.counts and plan.totals(outcome.counts) or nil,
      error = outcome.error
          and { kind = outcome.error.kind, message = tostring(outcome.error), hint = out.hint(outcome.error) }
        or nil,
    }
  end
  return {
    fleet = fleet.id,
    runbook = fleet.runbook,
    status = status,
    tenants = json.array(list),
    warnings = json.array(warnings),
    undoes = fleet.undoes,
    next = next_command,
  }
end

local function exit_code(outcomes, status)
  if status == "interrupted" then return 130 end
  for _, outcome in ipairs(outcomes) do
    if outcome.error then return errors.exit_code(outcome.error) end
  end
  return status == "incomplete" and ending.INCOMPLETE or 0
end

-- What could not be taken back.
local function say_left(outcomes)
  for _, outcome in ipairs(outcomes) do
    for _, one in ipairs(outcome.left or {}) do
      out.say(("%s: not undone: %s: %s"):format(outcome.tenant, one.title, one.why))
    end
  end
end

local function count_done(outcomes)
  local done = 0
  for _, outcome in ipairs(outcomes) do
    done = done + (ENDED[outcome.status] and 1 or 0)
  end
  return done
end

--- Prints how each tenant's run ended, and what to type next.
---@param fleet table
---@param outcomes table[]
---@param status string of fleets.perform
---@param options table of the command line
---@param warnings string[]
---@return integer exit code
function M.conclude(fleet, outcomes, status, options, warnings)
  for _, outcome in ipairs(outcomes) do
    ending.carry_local_lock(false, outcome.error)
  end
  local next_command = not ENDED[status] and M.next_of(fleet, options, outcomes, status) or nil
  if options.json then
    out.json(data_of(fleet, outcomes, status, next_command, warnings))
  else
    out.columns(rows_of(outcomes, out.style(1)), out.data)
  end
  say_left(outcomes)
  local last = ("%s  %s: %d of %d tenants"):format(status, fleet.runbook, count_done(outcomes), #outcomes)
  out.say(last .. (next_command and "; next: " .. next_command or ""))
  return exit_code(outcomes, status)
end

return M
