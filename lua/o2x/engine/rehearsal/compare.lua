--- The plan in the lab beside the plan in production: where they differ, the rehearsal is not what production will see.

local M = {}

-- Differences that mean nothing: tags of secrets, texts that were made up, the time at which the plan was made.
local MEANINGLESS <const> = {
  { "rehearsal%-%x+", "…" },
  { "%(changed, [^)]*%)", "(changed)" },
  { "‹secret[^›]*›", "‹secret›" },
  { "%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z", "(time)" },
  { "20%d%d%d%d%d%d%-%d%d%d%d%d%d", "(time)" },
}

local function plain(line)
  for _, each in ipairs(MEANINGLESS) do
    line = line:gsub(each[1], each[2])
  end
  return line
end

local function text_of(change)
  local lines = { change.outcome }
  for _, line in ipairs(change.diff or {}) do
    lines[#lines + 1] = plain(line)
  end
  return table.concat(lines, "\n")
end

-- The n-th change of a target in a step, by its name.
local function by_name(plan)
  local map, order, seen = {}, {}, {}
  for _, change in ipairs(plan.changes or {}) do
    local base = table.concat({ change.step or "", change.kind, plain(change.target) }, "\0")
    seen[base] = (seen[base] or 0) + 1
    local name = base .. "\0" .. seen[base]
    map[name], order[#order + 1] = change, name
  end
  return map, order
end

local function what_of(change) return ("%s %s"):format(change.kind, change.target) end

-- A message begins with the place in the script, which has another path in the copy of a runbook of elsewhere.
local function problems_of(plan)
  local map = {}
  for _, problem in ipairs(plan.problems or {}) do
    local message = problem.error.message:gsub("^%S*/([^/%s]+%.lua:%d+: )", "%1")
    map[message] = problem
  end
  return map
end

local function compare_problems(list, real, trial)
  local here, there = problems_of(trial), problems_of(real)
  for message, problem in pairs(there) do
    if not here[message] then
      list[#list + 1] = { what = problem.target or problem.step, why = "a problem in production only: " .. message }
    end
  end
  for message, problem in pairs(here) do
    if not there[message] then
      list[#list + 1] = { what = problem.target or problem.step, why = "a problem in the rehearsal only: " .. message }
    end
  end
end

-- The first line in which two diffs differ.
local function first_difference(a, b)
  local there, here = text_of(a), text_of(b)
  local theirs, ours = there:gmatch "[^\n]+", here:gmatch "[^\n]+"
  while true do
    local x, y = theirs(), ours()
    if x ~= y then return ("in production %s, here %s"):format(x or "nothing more", y or "nothing more") end
    if not x then return nil end
  end
end

--- Where two plans differ.
---@param real table the plan in production, as `o2x plan --json` has it
---@param trial table the plan in the lab
---@return { what: string, why: string }[] differences in the order of production's plan
function M.plans(real, trial)
  local there, order = by_name(real)
  local here, rest = by_name(trial)
  local list = {}
  for _, name in ipairs(order) do
    local change, mine = there[name], here[name]
    local why = not mine and ("would be %s in production, and is not a change here"):format(change.outcome)
      or mine and first_difference(change, mine)
    if why then list[#list + 1] = { what = what_of(change), why = why } end
  end
  for _, name in ipairs(rest) do
    if not there[name] then
      local why = ("is %s here, and not a change in production"):format(here[name].outcome)
      list[#list + 1] = { what = what_of(here[name]), why = why }
    end
  end
  compare_problems(list, real, trial)
  table.sort(list, function(a, b) return a.what < b.what end)
  return list
end

return M
