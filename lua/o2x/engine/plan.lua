--- A plan: what a run would change, over all systems, as one list, in the order of the program.

local breaker = require "o2x.base.breaker"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local script_order = require "o2x.base.script_order"
local task = require "o2x.base.task"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local M = {}

local Plan = {}
Plan.__index = Plan

--- The code of a problem that only follows from an earlier one.
M.FOLLOWS = "follows"

local SIGNS = { created = "+", changed = "~", deleted = "-" }
local LONGEST = 12 -- lines of one effect that are shown without --full

--- An empty plan.
---@param whole boolean? it is kept in a file or compared with one: it also has the values of what would not change
---@return table plan effects: all of them; changes: those that would change something; checks, problems, values
function M.new(whole)
  local lists = { effects = {}, changes = {}, checks = {}, problems = {}, failed = {}, kept = {} }
  lists.whole, lists.values = whole, {}
  return setmetatable(lists, Plan)
end

-- Tasks find things at the same time; the lists are kept in the order of the program.
local function insert(list, item)
  item.place = item.place or task.place()
  local at = #list + 1
  while at > 1 and list[at - 1].place > item.place do
    at = at - 1
  end
  table.insert(list, at, item)
end

---@class o2x.plan.effect
---@field kind string
---@field key string
---@field nth integer of the effects on this target within its step
---@field path string of the step
---@field outcome "created"|"changed"|"deleted"|"unchanged"|"open"
---@field class string of its type
---@field show { title: string?, lines: string[]? }
---@field before any what of the value before is compared
---@field desired any
---@field after any what would be there
---@field irreversible string? what cannot be undone
---@field inside boolean? it lives in something that the plan makes
---@field tag string? of kept.tag: of a difference, in a plan that asks for it

--- Adds an effect that would change something.
---@param effect o2x.plan.effect
function Plan:change(effect)
  insert(self.effects, effect)
  insert(self.changes, effect)
end

--- Adds an effect whose target needs no change.
---@param effect o2x.plan.effect
function Plan:unchanged(effect)
  effect.outcome = "unchanged"
  insert(self.effects, effect)
end

--- Adds an effect whose target differs, and is left as it is: the tenant was taken over with the difference.
---@param effect o2x.plan.effect
---@param missing boolean there is nothing
function Plan:keep(effect, missing)
  self:unchanged(effect)
  insert(self.kept, effect)
  self.lacks = self.lacks or missing
end

--- Is a check one for later? What a plan would change is checked after it; so is a tenant that was taken over while
--- something of it was missing.
---@param at string place of the check
---@return boolean
function Plan:checks_later(at) return self.lacks or self:has_changes(at) end

--- Adds an effect of which only the run can know whether there is something to do.
---@param effect o2x.plan.effect
function Plan:open(effect)
  effect.outcome = "open"
  insert(self.effects, effect)
end

--- Records a check that can run only after the changes.
---@param path string
---@param name string
function Plan:check_later(path, name) insert(self.checks, { path = path, name = name }) end

--- Records a check that failed in an audit.
---@param path string
---@param name string
---@param err table
function Plan:check_failed(path, name, err) insert(self.failed, { path = path, name = name, error = err }) end

--- Records what could not be planned: a run would stop there. The plan goes on, so that one unreadable thing does not
--- hide all others. What several steps stumble over is said once; what a silent system keeps unread is a line each.
---@param path string of the step
---@param err table
---@param kind string? of the effect
---@param key string?
---@param effect o2x.plan.effect? as far as it is known
function Plan:problem(path, err, kind, key, effect)
  for _, other in ipairs(self.problems) do
    local is_same = tostring(other.error) == tostring(err)
    local each = err.code == breaker.CODE and (other.path ~= path or other.key ~= key)
    if is_same and not each then return end
  end
  insert(self.problems, { path = path, error = err, kind = kind, key = key, effect = effect })
end

--- May a plan go on after an error? Not if its script is wrong, or the operator wants to stop.
---@param err table
---@return boolean
function Plan:goes_on_after(err)
  if err.kind == "cancelled" or err.final or err.code == "limit" or err.code == "memory" then return false end
  return err.kind ~= "bug" or #self.problems > 0 -- what is missing after an earlier problem is no mistake of the script
end

--- What a step gives that could not be planned.
---@param path string "" for what comes after the last step that could
---@param err table
---@return any unknown
---@return table err as it is noted
function Plan:skip(path, err)
  local first = self.problems[1]
  if first and (err.kind == "bug" or err.code == unknown.CODE or path == "") then -- it follows from an earlier one
    err = errors.new {
      kind = first.error.kind,
      code = M.FOLLOWS,
      message = ("%s cannot be planned before %s is"):format(
        path == "" and "the rest" or path,
        first.path ~= "" and first.path or first.key
      ),
    }
  end
  self:problem(path, err)
  return value.unknown, err
end

--- Would anything change?
---@param at string? only what is done before this place
---@return boolean
function Plan:has_changes(at)
  if not at then return #self.changes > 0 end
  for _, change in ipairs(self.changes) do
    if script_order.precedes(change.place, at) then return true end
  end
  return false
end

--- The first change that no undo brings back: what comes before it can be taken back, the whole not any more.
---@return o2x.plan.effect?
function Plan:no_return()
  for _, change in ipairs(self.changes) do
    if change.irreversible then return change end
  end
end

--- Is there something to do, and nothing in the way?
---@return boolean
function Plan:is_ready() return self:has_changes() and #self.problems == 0 end

--- The number of effects with each outcome.
---@return table counts created, changed, deleted, unchanged
function Plan:counts()
  local counts = { created = 0, changed = 0, deleted = 0, unchanged = 0 }
  for _, effect in ipairs(self.effects) do
    if effect.outcome ~= "open" then counts[effect.outcome] = counts[effect.outcome] + 1 end
  end
  return counts
end

--- Counts under the names that --json uses.
---@param counts table
---@return table totals create, change, delete, unchanged
function M.totals(counts)
  return {
    create = counts.created,
    change = counts.changed,
    delete = counts.deleted,
    unchanged = counts.unchanged + (counts.recalled or 0),
  }
end

--- "28 to create, 1 to change, 0 to delete, 12 unchanged."
---@return string
function Plan:totals()
  local counts = self:counts()
  return ("%d to create, %d to change, %d to delete, %d unchanged."):format(
    counts.created,
    counts.changed,
    counts.deleted,
    counts.unchanged
  )
end

local function system_of(change) return change.kind:match("^[^.]+") end

-- The systems in the order of their first change, each with its changes in the run's order.
local function by_system(changes)
  local systems, order = {}, {}
  for _, change in ipairs(changes) do
    local name = system_of(change)
    if not systems[name] then
      systems[name] = {}
      order[#order + 1] = name
    end
    table.insert(systems[name], change)
  end
  return order, systems
end

local function render_change(write, change, style, full, more)
  local sign = SIGNS[change.outcome]
  write(("  %s %s"):format(style.sign(sign, sign), style.bold(change.show.title or change.key)))
  local lines = change.show.lines or {}
  local most = full and #lines or LONGEST
  for i = 1, math.min(#lines, most) do
    local line = lines[i]
    write("      " .. style.sign(line:match("^%s*([+~-])") or "", line))
  end
  if #lines > most then write(("      … %d more lines%s"):format(#lines - most, more)) end
  if change.taken then write(style.sign("~", "      ! overwrites what belongs to others (--take-over)")) end
  if change.irreversible then write(style.sign("~", "      ! cannot be undone: " .. change.irreversible)) end
end

-- A silent system's error does not say what was not read.
local function problem_line(problem)
  local what = problem.error.code == breaker.CODE and problem.key
  local path = problem.path ~= "" and problem.path .. ": " or ""
  return ("%s%s%s"):format(path, what and ("%s %s: "):format(problem.kind, what) or "", tostring(problem.error))
end

--- Writes the plan for people.
---@param write fun(line: string)
---@param style table colours: sign(sign, text), bold(text), dim(text)
---@param full boolean? show every line
---@param more string? how to see the lines that are left out; default: by --full
function Plan:render(write, style, full, more)
  local order, systems = by_system(self.changes)
  if #order > 0 then write(style.dim("+ create  ~ change  - delete")) end
  for _, name in ipairs(order) do
    write("")
    write(style.bold(name))
    for _, change in ipairs(systems[name]) do
      render_change(write, change, style, full, more or " (--full shows them)")
    end
  end
  if #self.checks > 0 then
    write("")
    write(style.bold(#order > 0 and "checked once that is done" or "checked when it is applied"))
    for _, check in ipairs(self.checks) do
      write(("  ? %s%s"):format(check.path ~= "" and check.path .. ": " or "", check.name))
    end
  end
  if #self.problems > 0 then
    write("")
    write(style.bold "what could not be planned: a run would stop at the first")
    for _, problem in ipairs(self.problems) do
      write(style.sign("-", "  ! " .. problem_line(problem)))
    end
  end
  local last = self:no_return()
  if last then
    write("")
    write(("point of no return: %s%s %s"):format(last.path ~= "" and last.path .. ": " or "", last.kind, last.key))
  end
  if #order > 0 then write("") end
end

local function problems_data(problems)
  local list = {}
  for i, problem in ipairs(problems) do
    local err = problem.error
    list[i] = {
      step = problem.path,
      kind = problem.kind,
      target = problem.key,
      error = { kind = err.kind, message = tostring(err), hint = err.hint },
    }
  end
  return json.array(list)
end

-- What is there, and differs from what is wanted; the tenant's file keeps it.
local function kept_data(effects)
  if not effects[1] then return nil end
  local list = {}
  for i, effect in ipairs(effects) do
    list[i] = { step = effect.path, kind = effect.kind, target = effect.key }
  end
  return json.array(list)
end

local function checks_data(checks)
  local list = {}
  for i, check in ipairs(checks) do
    list[i] = { path = check.path, name = check.name }
  end
  return json.array(list)
end

--- The plan as plain values, for --json.
---@return table
function Plan:data()
  local changes = {}
  for i, change in ipairs(self.changes) do
    changes[i] = {
      step = change.path,
      kind = change.kind,
      target = change.key,
      outcome = change.outcome,
      title = change.show.title,
      diff = json.array(change.show.lines or {}),
      before = value.displayed(value.revive(change.before)),
      after = value.displayed(value.revive(change.after)),
      irreversible = change.irreversible,
      taken = change.taken,
    }
  end
  local last = self:no_return()
  return {
    no_return = last and { step = last.path, kind = last.kind, target = last.key } or nil,
    changes = json.array(changes),
    kept = kept_data(self.kept),
    checks = checks_data(self.checks),
    problems = problems_data(self.problems),
    totals = M.totals(self:counts()),
  }
end

return M
