--- The cases that an undisturbed run gives: where it can be killed, what can go wrong, what somebody else may change.
--- Points between which nothing outside and nothing on the disk changed are one case.

local classes = require "o2x.prove.classes"
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

-- A case at a point.
local function at(point)
  return { number = point.n, label = point.label, nth = point.nth, own = point.own, script = point.script }
end

-- -> the points that are no other one's same
local function kills(list, points)
  local found, seen = {}, {}
  for _, point in ipairs(points) do
    if not seen[point.epoch] then
      seen[point.epoch] = true
      found[#found + 1] = point
      add(list, "kill", at(point))
    end
  end
  return found
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
      add(list, "power", at(point))
    end
  end
  return same
end

local function left_alive(list, points)
  local seen = {}
  for _, point in ipairs(points) do
    if point.child and not seen[point.epoch] then
      seen[point.epoch] = true
      add(list, "leave", at(point))
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
      add_in_order(list, counts, "foreign", at(point))
      if moment ~= "recorded" then
        local case = at(point)
        case.target = target
        add_in_order(list, counts, "correct", case)
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
      add_in_order(list, counts, "undo-foreign", at(point))
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

--- All cases.
---@param base table points: table[], log: table[], undone: table[]?, unfit: table<string, boolean>?; undone: the points
---  of the undo; unfit: "SERVICE KIND" → false: the lab has no such fault
---@return table[] cases kind, id, and what case.lua needs
---@return table<string, integer> same how many points of a kind are the same as another one
function M.of(base)
  local list, same, undone = {}, {}, base.undone or {}
  add(list, "plan", { number = 1 })
  add(list, "again", { number = 1 })
  local killed = kills(list, base.points)
  same.kill = #base.points - #killed
  left_alive(list, base.points)
  same.power = power_losses(list, base.points)
  for i, point in ipairs(killed) do
    local case = at(point)
    case.second = 1 + (i * 37) % 60
    add(list, "twice", case)
  end
  same.fault = wrong_requests(list, base.log, base.unfit or {})
  of_targets(list, base.points)
  add(list, "undo", { number = 1 })
  for _, point in ipairs(undone) do
    add(list, "undo-kill", at(point))
  end
  for _, point in ipairs(#undone > 0 and killed or {}) do
    add(list, "undo-resumed", at(point))
  end
  taken_back(list, undone)
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

-- So many of a list, from all parts of it.
local function spread(list, count, seed)
  local chosen = {}
  count = math.min(count, #list)
  for i = 1, count do
    chosen[i] = list[1 + ((i - 1) * #list // count + seed) % #list]
  end
  return chosen
end

-- Played alone, after what other kinds have played: so many at most, unless all are wanted.
local MOST <const> = { twice = 20, ["undo-kill"] = 20, ["undo-resumed"] = 20 }

--- A part of the cases: those with an id, or, of all kinds or of some, some of each class.
---@param list table[]
---@param points table[] of the undisturbed run: any of them may be chosen by its number
---@param options { tenant: string, kinds: table<string, boolean>?, only: string?, all: boolean?, sample: integer?,
---  seed: integer? } only: ids; all: not only some of each class; sample: at most so many of each kind
---@return table[] chosen
---@return table<string, table> cover what of their kinds' classes is among them (classes.lua)
function M.choose(list, points, options)
  local all = classes.all(list, options.tenant)
  if options.only then
    local chosen = named(list, points, options.only)
    return chosen, classes.cover(all, chosen)
  end
  local seed = options.seed or 0
  local of_kind, chosen = {}, {}
  for _, case in ipairs(options.all and list or classes.choose(list, all, seed)) do
    of_kind[case.kind] = of_kind[case.kind] or {}
    table.insert(of_kind[case.kind], case)
  end
  for _, kind in ipairs(M.KINDS) do
    local name = kind[1]
    local most = math.min(options.sample or math.maxinteger, not options.all and MOST[name] or math.maxinteger)
    if not options.kinds or options.kinds[name] then
      for _, case in ipairs(spread(of_kind[name] or {}, most, seed)) do
        chosen[#chosen + 1] = case
      end
    end
  end
  return chosen, classes.cover(all, chosen)
end

return M
