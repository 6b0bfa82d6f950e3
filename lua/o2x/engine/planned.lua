--- A run that does exactly what a plan said (o2x apply). Before it starts, the plan is made again and compared: then
--- nothing has moved. While it runs, each effect is held against the plan before its intent is written.

local contract = require "o2x.engine.contract"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local plain = require "o2x.base.plain"
local plan_file = require "o2x.engine.plan_file"
local sorted_keys = require "o2x.base.sorted_keys"
local value = require "o2x.base.value"

local M = {}

local Planned = {}
Planned.__index = Planned

-- Names that a secret is a part of are masked in the file, with the tag of what they were.
local function tag_of(name) return mask.is_reference(name) and name.fp or mask.tag(name) end

local function name_of(effect)
  return table.concat({ tag_of(effect.path), effect.kind, tag_of(effect.key), effect.nth }, "\0")
end

--- What a run may do, by one tenant's part of a plan.
---@param part table of plan_file.read
---@return table planned
function M.new(part)
  local by_name = {}
  for _, effect in ipairs(part.effects) do
    by_name[name_of(effect)] = effect
  end
  return setmetatable({ by_name = by_name, values = part.values, hash = part.hash, text = part.text }, Planned)
end

--- What a run may do that began with a plan and is resumed; nil if it had none.
---@param store table
---@param h table the run's history
---@return table? planned
function M.of_run(store, h)
  if not h.plan then return nil end
  local path = fs.join(store:folder_of(h.id), "sources", plan_file.KEPT)
  local file = plan_file.read(path)
  if file.hash ~= h.plan then
    errors.input("the run's own copy of its plan was changed", "plan again: o2x plan", path)
  end
  return M.new(plan_file.part_of(file, h.tenant))
end

--- A value that the plan recorded, such as the time.
---@param key string
---@return { value: any }?
function Planned:value(key)
  local kept = self.values[key]
  if kept ~= nil then return { value = kept } end
end

-- ---- comparing ----

local function is_table(v)
  return type(v) == "table" and not value.is_unknown(v) and not plain.is_secret(v) and not mask.is_reference(v)
end

-- Is a value what the plan said? What the plan could not know may be anything.
local function fits(planned, now)
  if value.is_unknown(planned) then return true end
  if not (type(planned) == "table" and type(now) == "table") or planned["$secret"] or planned["$masked"] then
    return value.equal(planned, now)
  end
  for name, item in pairs(planned) do
    if not fits(item, now[name]) then return false end
  end
  for name in pairs(now) do
    if planned[name] == nil then return false end
  end
  return true
end

local function same(planned, now) return fits(value.revive(planned), value.revive(now)) end

-- The single values below a table that are not as planned: path → { planned, now, desired }.
local function leaves(found, path, planned, now, desired)
  if fits(planned, now) then return found end
  if not (is_table(planned) and is_table(now)) then
    found[path] = { planned, now, desired }
    return found
  end
  local names = {}
  for _, one in ipairs { planned, now } do
    for name in pairs(one) do
      names[name] = true
    end
  end
  for name in pairs(names) do
    local of_desired
    if is_table(desired) then of_desired = desired[name] end
    local below = path == "" and tostring(name) or path .. "." .. tostring(name)
    leaves(found, below, planned[name], now[name], of_desired)
  end
  return found
end

local function lines_of(v)
  local lines = {}
  for line in (mask.text(v) .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = line
  end
  return lines
end

-- Of texts of many lines, the first line that is not as planned: the beginning of a file says nothing. -> its number
local function first_line(three)
  local planned, now = three[1], three[2]
  if type(planned) ~= "string" or type(now) ~= "string" or not (planned .. now):find("\n", 1, true) then return nil end
  local texts, number = { lines_of(planned), lines_of(now) }, 1
  texts[3] = type(three[3]) == "string" and lines_of(three[3]) or nil
  while texts[1][number] == texts[2][number] and texts[1][number] do
    number = number + 1
  end
  for i = 1, 3 do
    if texts[i] then three[i] = texts[i][number] end
  end
  return number
end

local function text_of(v)
  if v == nil then return "nothing" end
  return mask.text(diff.inline(v))
end

-- Three values as texts. Two that differ only where nobody may see it, or far from their beginning, are not shown as
-- the same.
local function shown(path, three)
  local line = first_line(three)
  if line then path = (path ~= "" and path .. ", " or "") .. "line " .. line end
  local found = { field = path, planned = text_of(three[1]), now = text_of(three[2]), desired = text_of(three[3]) }
  if found.now == found.planned then
    found.now = found.now .. " (another one)"
    if not fits(three[1], three[3]) and fits(three[2], three[3]) then found.desired = found.now end
  end
  return found
end

local function values_of(planned, now, desired)
  local found = leaves({}, "", value.revive(planned), value.revive(now), value.revive(desired))
  local list = {}
  for _, path in ipairs(sorted_keys(found)) do
    list[#list + 1] = shown(path, found[path])
  end
  return list
end

---@class o2x.moved
---@field path string of the step
---@field kind string
---@field key string
---@field why string
---@field values { field: string, planned: string, now: string, desired: string }[]
---@field lines string[]? what would be done now, where no value of the effect itself has moved

-- What of an effect is not as planned.
local function difference(planned, now)
  local moved = { path = now.path, kind = now.kind, key = now.key, values = {} }
  if planned.outcome == "open" and same(planned.desired, now.desired) then return nil end
  if not same(planned.before, now.before) then
    moved.why = "was changed since"
    moved.values = values_of(planned.before, now.before, planned.desired)
  elseif not same(planned.desired, now.desired) then
    moved.why = "would get another value"
    moved.values = values_of(planned.desired, now.desired, now.desired)
  elseif planned.outcome ~= now.outcome then
    moved.why = ("would be %s, not %s"):format(now.outcome, planned.outcome)
    moved.lines = now.show and now.show.lines
  else
    return nil
  end
  return moved
end

local function lines_of_show(effect) return effect.show and effect.show.lines or {} end

-- What is around a value may have moved, too: the objects of a release. It is seen in what the change would be.
local function different_lines(planned, now)
  if planned.outcome == "open" or same(lines_of_show(planned), lines_of_show(now)) then return nil end
  local moved = { path = now.path, kind = now.kind, key = now.key, values = {}, lines = lines_of_show(now) }
  moved.why = "would be another change"
  return moved
end

-- Of what cannot be planned any more, the values that moved.
local function add_problem(list, problem, planned)
  local now = problem.effect
  local found = planned and now.outcome and difference(planned, now)
  if not found or #found.values == 0 then return end
  found.why = "was changed since: " .. tostring(problem.error)
  list[#list + 1] = found
end

--- What has moved since a plan was made.
---@param part table of plan_file.read
---@param plan table made now
---@return o2x.moved[]
function M.moved(part, plan)
  local list, left = {}, M.new(part).by_name
  for _, now in ipairs(plan.effects) do
    local name = name_of(now)
    local planned = left[name]
    left[name] = nil
    local found = planned and (difference(planned, now) or different_lines(planned, now))
    if not planned then
      found = { path = now.path, kind = now.kind, key = now.key, why = "is not in the plan", values = {} }
    end
    list[#list + 1] = found or nil
  end
  for _, problem in ipairs(plan.problems or {}) do
    if problem.effect and problem.effect.nth then add_problem(list, problem, left[name_of(problem.effect)]) end
  end
  if plan.problems and #plan.problems > 0 then return list end -- what comes after a problem may be missing for it
  for _, planned in ipairs(part.effects) do
    if left[name_of(planned)] then
      local gone = { path = mask.shown(planned.path), kind = planned.kind, key = mask.shown(planned.key), values = {} }
      gone.why = "is in the plan, and would not be done"
      list[#list + 1] = gone
    end
  end
  return list
end

-- ---- holding a run against it ----

local function refuse(e, why)
  errors.raise {
    kind = "conflict",
    code = "not_planned",
    op = e.type.kind,
    message = ("%s %s: %s"):format(e.type.kind, e.key, why),
    hint = "nothing was written there; make a new plan: o2x plan",
  }
end

-- A plan has no id and no time yet: what is named after the run has PLAN in their place. Some systems take lower case
-- only: RDS.
local PLAN <const> = "plan"

-- The time may also be that of another run, which began in the same second: its id stays as it is.
local function is_id_of_another(text, first, last)
  return text:find("^[Rr]%-", first - 2) == first - 2 and text:find("^%-%x%x%x%x", last + 1) ~= nil
end

local function replaced(text, name)
  local parts, from = {}, 1
  while true do
    local first, last = text:find(name, from, true)
    if not first then return table.concat(parts) .. text:sub(from) end
    parts[#parts + 1] = text:sub(from, first - 1)
    parts[#parts + 1] = is_id_of_another(text, first, last) and name or PLAN
    from = last + 1
  end
end

local function as_planned(item, id)
  if type(item) == "string" then
    item = replaced(replaced(item, id), id:lower())
    local stamp = id:match "^R%-(%d+%-%d+)%-"
    return stamp and replaced(item, stamp) or item
  end
  if not is_table(item) or frozen.is_handle(item) or item == json.null then return item end
  local copy = setmetatable({}, getmetatable(item))
  for name, one in pairs(item) do
    copy[name] = as_planned(one, id)
  end
  return copy
end

--- Refuses an effect that is not the plan's. Called before its intent is written.
---@param e table of the gate: path, key, nth, before, desired, type
---@param id string of the run
function Planned:admit(e, id)
  local name = name_of { path = e.path, kind = e.type.kind, key = as_planned(e.key, id), nth = e.nth }
  local planned = self.by_name[name]
  if not planned then refuse(e, "is not in the plan") end
  local now = {
    path = e.path,
    before = as_planned(contract.image(e.type, e.before, e.desired, e.key), id),
    desired = as_planned(value.plain(e.desired, e.key), id),
    outcome = contract.outcome(e.before, e.desired),
  }
  local found = difference(planned, now)
  if not found then return end
  local first = found.values[1]
  if not first then refuse(e, found.why) end
  refuse(
    e,
    ("%s the plan was made: %s%s was planned on, it is %s now, it would become %s"):format(
      found.why == "was changed since" and found.why or found.why .. " than when",
      first.field ~= "" and first.field .. ": " or "",
      first.planned,
      first.now,
      first.desired
    )
  )
end

--- What has moved, as plain values for --json.
---@param list o2x.moved[]
---@return table
function M.data(list)
  local copy = {}
  for i, moved in ipairs(list) do
    copy[i] = {
      step = moved.path,
      kind = moved.kind,
      target = moved.key,
      why = moved.why,
      values = json.array(moved.values),
      diff = moved.lines and json.array(moved.lines),
    }
  end
  return json.array(copy)
end

return M
