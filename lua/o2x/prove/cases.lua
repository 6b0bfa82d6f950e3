--- The cases that an undisturbed run gives: where it can be killed, what can go wrong, what somebody else may change.
--- Points between which nothing outside and nothing on the disk changed are one case.

local faults = require "o2x.prove.faults"

local M = {}

--- The kinds of cases, in the order in which they are played, and what each is.
M.KINDS = {
  { "plan", "the plan before says what the run does, and sends only reads" },
  { "again", "a second run changes nothing, and sends only reads" },
  { "kill", "killed at a point, then resumed" },
  { "leave", "killed while a child is alive, which goes on" },
  { "power", "what no sync has covered is lost with the process" },
  { "twice", "killed, and the resume killed too" },
  { "fault", "a request goes wrong" },
  { "foreign", "somebody else changes an effect's target between crash and resume" },
  { "correct", "killed, then resumed with a script that wants another value" },
  { "undo", "the undo leads back to the start" },
  { "undo-kill", "the undo killed, then resumed" },
  { "undo-resumed", "killed, resumed, and then undone" },
  { "undo-foreign", "somebody else changes what the undo is about to take back" },
}

local function add(list, kind, fields)
  fields.kind = kind
  fields.id = ("%s:%s"):format(kind, fields.name or fields.number)
  list[#list + 1] = fields
end

-- Effects keep their order from run to run; the numbers of points do not, where the run polls.
local function add_in_order(list, counts, kind, fields)
  counts[kind] = (counts[kind] or 0) + 1
  fields.name = counts[kind]
  add(list, kind, fields)
end

local function kills(list, points)
  local same, seen = 0, {}
  for _, point in ipairs(points) do
    if seen[point.epoch] then
      same = same + 1
    else
      seen[point.epoch] = true
      add(list, "kill", { number = point.n, label = point.label, nth = point.nth })
    end
  end
  return same
end

-- A point like another one in what is outside, what is on the disk, and what of it is synced.
local function power_losses(list, points)
  local same, seen = 0, {}
  for _, point in ipairs(points) do
    local state = point.epoch * 2 + (point.behind and 1 or 0)
    if not point.behind or seen[state] then
      same = same + 1
    else
      seen[state] = true
      add(list, "power", { number = point.n, label = point.label, nth = point.nth })
    end
  end
  return same
end

local function left_alive(list, points)
  local seen = {}
  for _, point in ipairs(points) do
    if point.child and not seen[point.epoch] then
      seen[point.epoch] = true
      add(list, "leave", { number = point.n, label = point.label, nth = point.nth })
    end
  end
end

local MOMENTS <const> = { intended = true, written = true, recorded = true }

-- Where the script comes by a target twice, its later effect starts from what it finds: that is no conflict.
local function of_targets(list, points)
  local times, counts = {}, {}
  for _, point in ipairs(points) do
    local target = point.label:match "^intended effect (.*)$"
    if target then times[target] = (times[target] or 0) + 1 end
  end
  for _, point in ipairs(points) do
    local moment, target = point.label:match "^(%a+) effect (.*)$"
    if times[target] == 1 and MOMENTS[moment] then
      add_in_order(list, counts, "foreign", { number = point.n, label = point.label, nth = point.nth })
      if moment ~= "recorded" then
        add_in_order(
          list,
          counts,
          "correct",
          { number = point.n, label = point.label, nth = point.nth, target = target }
        )
      end
    end
  end
end

-- Each target that an undo takes back once, at the moment before.
local function taken_back(list, points)
  local times, counts = {}, {}
  for _, point in ipairs(points) do
    times[point.label] = (times[point.label] or 0) + 1
  end
  for _, point in ipairs(points) do
    if point.label:find "^begun effect " and times[point.label] == 1 then
      add_in_order(list, counts, "undo-foreign", { number = point.n, label = point.label })
    end
  end
end

local function wrong_requests(list, log, unfit)
  local found, same = faults.of(log, unfit)
  for _, fields in ipairs(found) do
    add(list, "fault", fields)
  end
  return same > 0 and same or nil
end

local function sample_of(points, count)
  local chosen = {}
  for i = 1, math.min(count, #points) do
    chosen[i] = points[1 + (i - 1) * #points // math.min(count, #points)]
  end
  return chosen
end

--- All cases.
---@param base table points: table[], log: table[], undo_points: integer?, undone: table[]?, unfit:
---  table<string, boolean>?; undone: the points of the undo; unfit: "SERVICE KIND" → false: the lab has no such fault
---@param twice integer how many of the cases that are only sampled: a killed resume, a killed undo
---@return table[] cases kind, id, and what case.lua needs
---@return table<string, integer> same how many points of a kind are the same as another one
function M.of(base, twice)
  local list, same = {}, {}
  add(list, "plan", { number = 1 })
  add(list, "again", { number = 1 })
  same.kill = kills(list, base.points)
  left_alive(list, base.points)
  same.power = power_losses(list, base.points)
  local killed = {}
  for _, case in ipairs(list) do
    if case.kind == "kill" then killed[#killed + 1] = case end
  end
  for i, case in ipairs(sample_of(killed, twice)) do
    add(list, "twice", { number = case.number, label = case.label, nth = case.nth, second = 1 + (i * 37) % 60 })
  end
  same.fault = wrong_requests(list, base.log, base.unfit or {})
  of_targets(list, base.points)
  add(list, "undo", { number = 1 })
  for i = 1, base.undo_points and math.min(twice, base.undo_points) or 0 do
    add(list, "undo-kill", { number = 1 + (i - 1) * base.undo_points // math.min(twice, base.undo_points) })
  end
  if #(base.undone or {}) > 0 then
    for _, case in ipairs(sample_of(killed, twice)) do
      add(list, "undo-resumed", { number = case.number, label = case.label, nth = case.nth })
    end
  end
  taken_back(list, base.undone or {})
  return list, same
end

-- The cases of a list of ids. Any point may be one, also one that is the same as another.
local function named(list, points, ids)
  local wanted, found = {}, {}
  for id in ids:gmatch "[^,]+" do
    local kind, n = id:match "^(%a+):(%d+)$"
    local point = points[tonumber(n)]
    if point and (kind == "kill" or kind == "power") then
      add(found, kind, { number = point.n, label = point.label, nth = point.nth })
    else
      wanted[id] = true
    end
  end
  for _, case in ipairs(list) do
    if wanted[case.id] then found[#found + 1] = case end
  end
  return found
end

--- A part of the cases: those of some kinds, those with an id, or a sample of each kind.
---@param list table[]
---@param points table[] of the undisturbed run: any of them may be chosen by its number
---@param options { kinds: table<string, boolean>?, only: string?, sample: integer?, seed: integer? } only: ids
---@return table[]
function M.choose(list, points, options)
  if options.only then return named(list, points, options.only) end
  local groups, chosen = {}, {}
  for _, case in ipairs(list) do
    if not options.kinds or options.kinds[case.kind] then
      groups[case.kind] = groups[case.kind] or {}
      table.insert(groups[case.kind], case)
    end
  end
  local seed = options.seed or 0
  for _, kind in ipairs(M.KINDS) do
    local group = groups[kind[1]] or {}
    local count = math.min(options.sample or #group, #group)
    for i = 1, count do
      chosen[#chosen + 1] = group[1 + ((i - 1) * #group // count + seed) % #group]
    end
  end
  return chosen
end

return M
