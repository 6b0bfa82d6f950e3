--- Two runs beside each other: what they were told, their scripts, their steps, and what they left.

local diff = require "o2x.base.diff"
local history = require "o2x.engine.history"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- What a run was told, as far as it may explain that another one went differently.
local function told(h)
  local undo = h.undo
  return {
    runbook = h.runbook.name,
    version = h.runbook.version,
    tenant = h.tenant,
    parameters = next(h.params or {}) and h.params or nil,
    o2x = h.o2x,
    undo = undo and undo.run .. (undo.step and "#" .. undo.step or "") or nil,
  }
end

-- The keys of two tables, each once, sorted.
local function keys_of(one, other)
  local all = {}
  for _, list in ipairs { one, other } do
    for key in pairs(list) do
      all[key] = true
    end
  end
  return sorted_keys(all)
end

local function sources(store, one, other)
  local list = {}
  local before, after = one.library or {}, other.library or {}
  for _, path in ipairs(keys_of(before, after)) do
    if before[path] ~= after[path] then
      list[#list + 1] = {
        path = path,
        sign = not before[path] and "+" or not after[path] and "-" or "~",
        lines = diff.text(before[path] and store:source(one.id, path), after[path] and store:source(other.id, path)),
      }
    end
  end
  return list
end

-- Something by its name, in the order in which it came.
local function by_name(list, name_of)
  local map, order = {}, {}
  for _, item in ipairs(list) do
    local name = name_of(item)
    if not map[name] then order[#order + 1] = name end
    map[name] = item
  end
  return map, order
end

-- Names of both runs: those of the first in their order, then what only the second has.
local function all_names(first, second, known)
  local names = table.move(first, 1, #first, 1, {})
  for _, name in ipairs(second) do
    if not known[name] then names[#names + 1] = name end
  end
  return names
end

local function steps(one, other)
  local function path(step) return step.path end
  local before, first = by_name(one.steps, path)
  local after, second = by_name(other.steps, path)
  local list = {}
  for _, name in ipairs(all_names(first, second, before)) do
    local was, is = before[name] and before[name].status, after[name] and after[name].status
    if was ~= is then
      list[#list + 1] = { path = name, sign = not was and "+" or not is and "-" or "~", before = was, after = is }
    end
  end
  return list
end

-- What a run left at a target. Of several effects on it, the newest one says so.
local function left(entry)
  if not entry then return nil end
  if entry.outcome == "deleted" then return "deleted" end
  if entry.image ~= nil then return entry.image end
  return entry.desired ~= nil and entry.desired or entry.outcome
end

-- What was found as it should be is no difference to what was made so: only that the run looked at it.
local function changed(entry) return entry and entry.outcome ~= "unchanged" and entry.outcome ~= "dropped" end

local function effects(one, other)
  local function target(entry) return entry.kind .. "\0" .. entry.key end
  local before, first = by_name(history.in_order(one), target)
  local after, second = by_name(history.in_order(other), target)
  local list = {}
  for _, name in ipairs(all_names(first, second, before)) do
    local was, is = before[name], after[name]
    local lines = changed(was) and changed(is) and diff.lines(left(was), left(is)) or {}
    if #lines > 0 or changed(was) ~= changed(is) or (was and is and changed(was) and was.outcome ~= is.outcome) then
      local entry = is or was
      list[#list + 1] = {
        kind = entry.kind,
        target = entry.key,
        step = entry.path,
        sign = not changed(was) and "+" or not changed(is) and "-" or "~",
        before = was and was.outcome,
        after = is and is.outcome,
        lines = lines,
      }
    end
  end
  return list
end

--- What differs between two runs. A sign is "+" where only the second has it, "-" where only the first, else "~".
---@param store table
---@param one table history
---@param other table history
---@return table found told: lines; sources: { path, sign, lines }[]; steps: { path, sign, before, after }[]; effects:
---  { kind, target, step, sign, before, after (outcomes), lines }[] of what one of them changed
function M.runs(store, one, other)
  return {
    told = diff.lines(told(one), told(other)),
    sources = sources(store, one, other),
    steps = steps(one, other),
    effects = effects(one, other),
  }
end

return M
