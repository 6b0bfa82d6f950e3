--- What the runbook that makes tenants would change, if a tenant's file said something else than it does: for a runbook
--- that writes that file (adopts). It is a plan as an audit makes it, so it only reads and every check is looked at.

local plan = require "o2x.engine.plan"
local run = require "o2x.engine.run"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

local WAYS <const> = { created = "missing", changed = "different", deleted = "left over" }
local LONGEST <const> = 12 -- lines of one difference
local NOT_SEEN <const> = { timeout = true, unreachable = true }

local function first_lines(lines)
  if #lines <= LONGEST then return lines end
  local first = table.move(lines, 1, LONGEST, 1, {})
  first[LONGEST + 1] = ("… %d more lines"):format(#lines - LONGEST)
  return first
end

-- One effect that differs; err: why it could not be planned, such as a field that another manager owns.
local function difference(effect, err)
  local show = effect.show or {}
  return {
    what = effect.kind .. " " .. value.text(effect.key),
    key = value.text(effect.key),
    kind = effect.kind,
    title = show.title or value.text(effect.key),
    step = effect.path,
    way = effect.outcome and WAYS[effect.outcome] or effect.before == nil and "missing" or "different",
    lines = first_lines(show.lines or { err and tostring(err) }),
    tag = effect.tag,
    text = type(effect.desired) == "string" and effect.outcome == "created" and effect.desired or nil,
  }
end

local function said(path, name, err) return { step = path, name = name, message = tostring(err), hint = err.hint } end

-- An effect that is refused differs. One that could not be looked at may be as it should.
local function differs(problem)
  local err = problem.error
  return problem.effect and problem.effect.tag and not NOT_SEEN[err.kind] and not err.retryable
end

-- In the order of the runbook, whatever was found first.
local function by_place(list)
  table.sort(list, function(one, other)
    if one.place ~= other.place then return one.place < other.place end
    return one.number < other.number
  end)
  local differences = {}
  for i, item in ipairs(list) do
    differences[i] = item.difference
  end
  return differences
end

local function of_plan(made)
  local list, found = {}, { problems = {}, failed = {} }
  local function add(item, effect, err)
    list[#list + 1] = { place = item.place, number = #list, difference = difference(effect, err) }
  end
  for _, change in ipairs(made.changes) do
    add(change, change)
  end
  for _, problem in ipairs(made.problems) do
    local err = problem.error
    if differs(problem) then
      add(problem, problem.effect, err)
    elseif err.code ~= plan.FOLLOWS then
      table.insert(found.problems, said(problem.path, problem.key and value.text(problem.key), err))
    end
  end
  for _, check in ipairs(made.failed) do
    table.insert(found.failed, said(check.path, check.name, check.error))
  end
  found.differences = by_place(list)
  return found
end

--- Plans a run that was prepared for it (prepare's `audit` and `tagging`), from within another one.
---@param twin table
---@param overlay table what the other one would have written, if it is a plan itself
---@return { differences: table[], problems: table[], failed: table[] } found plain values
function M.of(twin, overlay)
  twin.gate.overlay = overlay:copy()
  local function perform() return run.plan(twin) end
  return of_plan(task.within("step_path", "", task.within, "catches", false, perform))
end

return M
