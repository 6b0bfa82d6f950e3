--- A plan: what a run would change, over all systems, as one list.

local json = require "o2x.base.json"
local value = require "o2x.base.value"

local M = {}

local Plan = {}
Plan.__index = Plan

local SIGNS = { created = "+", changed = "~", deleted = "-" }
local LONGEST = 12 -- lines of one effect that are shown without --full

--- An empty plan.
---@return table plan
function M.new() return setmetatable({ changes = {}, same = 0, checks = {} }, Plan) end

--- Adds an effect that would change something.
---@param change table kind, key, path, outcome, show, before, after
function Plan:change(change) self.changes[#self.changes + 1] = change end

--- Counts an effect whose target needs no change.
function Plan:unchanged() self.same = self.same + 1 end

--- Records a check that can run only after the changes.
---@param path string
---@param name string
function Plan:check_later(path, name) self.checks[#self.checks + 1] = { path = path, name = name } end

--- Would anything change?
---@return boolean
function Plan:has_changes() return #self.changes > 0 end

--- The number of effects with each outcome.
---@return table counts created, changed, deleted, unchanged
function Plan:counts()
  local counts = { created = 0, changed = 0, deleted = 0, unchanged = self.same }
  for _, change in ipairs(self.changes) do
    counts[change.outcome] = counts[change.outcome] + 1
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

local function render_change(write, change, style, full)
  local sign = SIGNS[change.outcome]
  write(("  %s %s"):format(style.sign(sign, sign), style.bold(change.show.title or change.key)))
  local lines = change.show.lines or {}
  local most = full and #lines or LONGEST
  for i = 1, math.min(#lines, most) do
    local line = lines[i]
    write("      " .. style.sign(line:match("^%s*([+~-])") or "", line))
  end
  if #lines > most then write(("      … %d more lines (--full shows them)"):format(#lines - most)) end
end

--- Writes the plan for people.
---@param write fun(line: string)
---@param style table colours: sign(sign, text), bold(text), dim(text)
---@param full boolean? show every line
function Plan:render(write, style, full)
  local order, systems = by_system(self.changes)
  if #order > 0 then write(style.dim("+ create  ~ change  - delete")) end
  for _, name in ipairs(order) do
    write("")
    write(style.bold(name))
    for _, change in ipairs(systems[name]) do
      render_change(write, change, style, full)
    end
  end
  if #self.checks > 0 then
    write("")
    write(style.bold(#order > 0 and "checked once that is done" or "checked when it is applied"))
    for _, check in ipairs(self.checks) do
      write(("  ? %s%s"):format(check.path ~= "" and check.path .. ": " or "", check.name))
    end
  end
  if #order > 0 then write("") end
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
      before = value.displayed(change.before),
      after = value.displayed(change.after),
    }
  end
  return { changes = json.array(changes), checks = json.array(self.checks), totals = M.totals(self:counts()) }
end

return M
