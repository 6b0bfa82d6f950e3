--- Which cases are played together. A run can be killed at one point after the other, each resume at the next, and many
--- requests of one run can go wrong. What is wrong at the end shows, and then the group is split until the case is
--- alone; so a sound runbook costs a run for many cases instead of one for each.
---
--- The cases of a group lie apart: between two of them are those of all other groups.

local M = {}

-- Of a group: the most cases, and how many groups there are at least, so that cases are so many cases apart: more than
-- one effect has. Else a kill could hide what the one before it has led to. A request has up to nine faults.
local KINDS <const> = {
  kill = { most = 48, apart = 24 },
  power = { most = 48, apart = 24 },
  leave = { most = 12, apart = 24 },
  fault = { most = 16, apart = 96 },
}

---@class o2x.prove.Unit
---@field kind string
---@field cases table[]
---@field parent o2x.prove.Unit? of which this is a part
---@field open integer? parts that are still to be played
---@field failed boolean? whether one of the parts has failed
---@field problem string? what was wrong with all of them
---@field round integer? how often its cases were not reached before

-- What a group can have once only: a point, the requests that a fault counts.
local function place_of(case)
  return case.kind == "fault" and case.service .. " " .. case.match or case.label .. " " .. case.nth
end

local function put(groups, from, case)
  local place = place_of(case)
  for i = 0, #groups - 1 do
    local group = groups[1 + (from + i) % #groups]
    if not group.places[place] then
      group.places[place] = true
      table.insert(group.cases, case)
      return
    end
  end
  groups[#groups + 1] = { cases = { case }, places = { [place] = true } }
end

local function deal(units, kind, cases, as)
  local least = as == "together" and 1 or KINDS[kind].apart
  local count, groups = math.max((#cases + KINDS[kind].most - 1) // KINDS[kind].most, least), {}
  for i = 1, math.min(count, #cases) do
    groups[i] = { cases = {}, places = {} }
  end
  for i, case in ipairs(cases) do
    put(groups, i - 1, case)
  end
  for _, group in ipairs(groups) do
    units[#units + 1] = { kind = kind, cases = group.cases }
  end
end

--- Cases that are played at once.
---@param list table[] of cases.lua
---@param as "alone"|"together"|nil each by itself; all of a kind in one run; nil: as it is best
---@return o2x.prove.Unit[]
function M.of(list, as)
  local units, together, order = {}, {}, {}
  for _, case in ipairs(list) do
    if as == "alone" or not KINDS[case.kind] then
      units[#units + 1] = { kind = case.kind, cases = { case } }
    else
      local name = case.kind .. (case.relayed and " relayed" or "")
      if not together[name] then
        together[name], order[#order + 1] = {}, name
      end
      table.insert(together[name], case)
    end
  end
  for _, name in ipairs(order) do
    deal(units, together[name][1].kind, together[name], as)
  end
  return units
end

--- The two halves of a group that failed.
---@param unit o2x.prove.Unit
---@param problem string
---@return o2x.prove.Unit[] units
function M.split(unit, problem)
  local halves, middle = {}, #unit.cases // 2
  for i, range in ipairs { { 1, middle }, { middle + 1, #unit.cases } } do
    halves[i] = { kind = unit.kind, cases = table.move(unit.cases, range[1], range[2], 1, {}), parent = unit }
  end
  unit.open, unit.problem = #halves, problem
  return halves
end

local ROUNDS <const> = 3 -- as a group, until cases that are not reached are played alone

--- Those that a group did not come by: together once more if there was anything that it came by, else each alone.
---@param unit o2x.prove.Unit
---@param missed table[]
---@return o2x.prove.Unit[] units
function M.again(unit, missed)
  local round = (unit.round or 0) + 1
  if #missed > 1 and #missed < #unit.cases and round < ROUNDS then
    return { { kind = unit.kind, cases = missed, round = round } }
  end
  local units = {}
  for i, case in ipairs(missed) do
    units[i] = { kind = unit.kind, cases = { case } }
  end
  return units
end

--- Tells a group that a part of it was played. A group that failed while none of its parts did has failed by itself.
---@param unit o2x.prove.Unit
---@param failed boolean
---@return o2x.prove.Unit[] units that fail only as a whole
function M.played(unit, failed)
  local found, parent = {}, unit.parent
  while parent do
    parent.failed, parent.open = parent.failed or failed, parent.open - 1
    if parent.open > 0 then break end
    if not parent.failed then found[#found + 1] = parent end
    parent, failed = parent.parent, true
  end
  return found
end

return M
