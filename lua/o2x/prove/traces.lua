--- What may remain after something was changed and changed back, or after a release was repaired. Each trace is settled
--- by itself: where it is the one that the system itself leaves, or that the undo has said, it is made alike in both
--- pictures; all else is compared.
---
---   counters            of a Kubernetes object that the run changed: generation, revision, who manages its fields
---   old ReplicaSets     of a workload that the run changed, with no pods any more
---   helm's history      more revisions of a release that the run changed; the newest is what the newest was
---   ended silences      are still listed
---   markers             rows of o2x.effect, never given again
---   what undo has left  is as the run left it: of the kinds in places.lua, at the named target

local json = require "o2x.base.json"
local places = require "o2x.prove.places"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- "ReplicaSet x (other 2)", "silence [] (2)" → without the number of its place
local function base_of(name) return (name:gsub(" %(other %d+%)$", ""):gsub(" %(%d+%)$", "")) end

local function equal(one, other)
  if one == nil or other == nil then return one == other end
  return json.encode(one) == json.encode(other)
end

--- The items in which two states differ, without the numbers of their places.
---@param start table part → item → flat table
---@param after table
---@return table<string, table<string, boolean>> touched part → item
function M.touched(start, after)
  local touched = {}
  for part, items in pairs(after) do
    touched[part] = {}
    for _, pair in ipairs { { items, start[part] or {} }, { start[part] or {}, items } } do
      for name, value in pairs(pair[1]) do
        local other = pair[2][name]
        if other == nil or not equal(value, other) then touched[part][base_of(name)] = true end
      end
    end
  end
  for part in pairs(start) do
    touched[part] = touched[part] or {}
  end
  return touched
end

local function copy_of(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in pairs(value) do
    copy[name] = copy_of(item)
  end
  return copy
end

-- ---- Kubernetes ----

local COUNTERS <const> = {
  ["metadata.generation"] = true,
  ["metadata.annotations.deployment.kubernetes.io/revision"] = true,
  ["metadata.annotations.deployment.kubernetes.io/revision-history"] = true,
}

-- Who managed its fields before still does; besides, o2x may.
local function without_counters(item)
  local managers = {}
  for path, text in pairs(item) do
    if path:find "^metadata%.managedFields%." then
      if path:find "%.manager$" and text ~= "o2x" then managers[text] = true end
      item[path] = nil
    elseif COUNTERS[path] then
      item[path] = nil
    end
  end
  item["metadata.managedFields"] = table.concat(sorted_keys(managers), ", ")
end

-- "ReplicaSet default/x-HASH" and its others → the list of their names
local function group_of(items, base)
  local names = {}
  for _, name in ipairs(sorted_keys(items)) do
    if base_of(name) == base then names[#names + 1] = name end
  end
  return names
end

-- Leaves out those that are in both; and of the rest of found, those that are a trace; of expected, too, if both sides
-- may have traces.
local function settle_group(expected, found, base, is_trace, both)
  local wanted = group_of(expected, base)
  for _, name in ipairs(group_of(found, base)) do
    local gone
    for i, other in ipairs(wanted) do
      if equal(expected[other], found[name]) then
        expected[other], gone = nil, table.remove(wanted, i)
        break
      end
    end
    if gone or is_trace(found[name]) then found[name] = nil end
  end
  for _, name in ipairs(both and wanted or {}) do
    if is_trace(expected[name]) then expected[name] = nil end
  end
end

local function has_no_pods(set) return set["spec.replicas"] == "0" end

local function k8s(expected, found, of)
  local touched = of.touched.k8s or {}
  local sets = {}
  for base in pairs(touched) do
    for _, items in ipairs { expected, found } do
      for _, name in ipairs(group_of(items, base)) do
        if type(items[name]) == "table" then without_counters(items[name]) end
      end
    end
    if base:find "^ReplicaSet " then sets[#sets + 1] = base end
  end
  for _, base in ipairs(sets) do
    settle_group(expected, found, base, has_no_pods, of.both)
  end
end

-- ---- helm ----

-- "release default/x" → its revisions, oldest first
local function releases_of(items)
  local releases = {}
  for name in pairs(items) do
    local release, number = name:match "^(.*) revision (%d+)$"
    if release then
      releases[release] = releases[release] or {}
      table.insert(releases[release], { number = tonumber(number), name = name })
    end
  end
  for _, list in pairs(releases) do
    table.sort(list, function(a, b) return a.number < b.number end)
  end
  return releases
end

-- What helm says of a revision beside what it holds.
local function without_number(item, current)
  item.version, item["info.description"] = nil, nil
  if not current then item["info.status"] = nil end
  return item
end

local function is_in(list, items, wanted)
  for _, one in ipairs(list) do
    if equal(items[one.name], wanted) then return true end
  end
  return false
end

local function take_newest(list, items, release)
  local newest = table.remove(list).name
  items[newest], items[release] = nil, without_number(items[newest], true)
  for _, one in ipairs(list) do
    without_number(items[one.name], false)
  end
end

-- The newest must be what the newest was, and what was there before is still in the history.
local function settle_release(expected, found, release, list, now, both)
  take_newest(list, expected, release)
  take_newest(now, found, release)
  for _, old in ipairs(list) do
    if both or is_in(now, found, expected[old.name]) then expected[old.name] = nil end
  end
  for _, one in ipairs(now) do
    found[one.name] = nil
  end
end

local function helm(expected, found, of)
  local touched, there = of.touched.helm or {}, releases_of(found)
  for release, list in pairs(releases_of(expected)) do
    local now = there[release]
    if now and (touched[list[#list].name] or touched[now[#now].name]) then
      settle_release(expected, found, release, list, now, of.both)
    end
  end
end

-- ---- the others ----

local function is_over(silence) return silence.over == "true" end

local function alerts(expected, found, of)
  for base in pairs(of.touched.alerts or {}) do
    settle_group(expected, found, base, is_over, of.both)
  end
end

local function lines_of(text)
  local times = {}
  for line in (tostring(text or "") .. "\n"):gmatch "([^\n]*)\n" do
    times[line] = (times[line] or 0) + 1
  end
  return times
end

-- Each marker that was there is there, more or not.
local function holds(now, before)
  for path, text in pairs(before) do
    local times = lines_of(now[path])
    for line, count in pairs(lines_of(text)) do
      if (times[line] or 0) < count then return false end
    end
  end
  return true
end

-- Where they are is made with the first of them.
local function settle_markers(expected, found, after, database)
  local rows = database .. " rows o2x.effect"
  expected[rows], found[rows] = nil, nil
  for _, what in ipairs { " table o2x.effect", " schema o2x" } do
    local item = database .. what
    if expected[item] == nil and equal(found[item], after[item]) then found[item] = nil end
  end
end

local function postgres(expected, found, of)
  local after = of.after.postgres or {}
  for _, name in ipairs(sorted_keys(found)) do
    local database = name:match "^(%S+) rows o2x%.effect$"
    if database and (of.both or holds(found[name], expected[name] or {})) then
      settle_markers(expected, found, after, database)
    end
  end
end

--- Whether a release had to be repaired: helm has a revision that failed, or that it left pending, or it could not
--- write that the old one is superseded.
---@param expected table of what differs
---@param found table
---@return boolean
function M.repaired(expected, found)
  for name, item in pairs(found.helm or {}) do
    local status = type(item) == "table" and item["info.status"] or ""
    local before = (expected.helm or {})[name]
    local stayed = status == "deployed" and type(before) == "table" and before["info.status"] == "superseded"
    if stayed or status == "failed" or status:find "^pending" then return true end
  end
  return false
end

-- Of a release in whose history anything differs, all revisions: those that are alike, too.
local function with_histories(expected, found, full)
  local differing = {}
  for _, items in ipairs { expected.helm or {}, found.helm or {} } do
    for release in pairs(releases_of(items)) do
      differing[release] = true
    end
  end
  for release, list in pairs(next(differing) and releases_of(full.helm or {}) or {}) do
    for _, one in ipairs(differing[release] and list or {}) do
      local wanted, there = expected.helm[one.name], found.helm[one.name]
      if wanted == nil and there == nil then
        expected.helm[one.name], found.helm[one.name] = copy_of(full.helm[one.name]), copy_of(full.helm[one.name])
      end
    end
  end
end

local SETTLE <const> = { alerts = alerts, helm = helm, k8s = k8s, postgres = postgres }

local function paths_of(...)
  local paths = {}
  for i = 1, select("#", ...) do
    for path in pairs(select(i, ...) or {}) do
      paths[path] = true
    end
  end
  return sorted_keys(paths)
end

-- Takes from both what is as the run left it.
local function settle_item(expected, found, name, after, is_named)
  local wanted, there, left = expected[name] or {}, found[name] or {}, after[name] or {}
  for _, path in ipairs(paths_of(wanted, there)) do
    if is_named(path) and there[path] == left[path] then
      wanted[path], there[path] = nil, nil
    end
  end
  expected[name], found[name] = next(wanted) and wanted, next(there) and there
end

-- What the undo has said that it leaves, and that is as the run left it.
local function settle_left(expected, found, part, of)
  for _, name in ipairs(paths_of(expected, found)) do
    local is_named = places.named(of.left, part, name, of.tenant)
    if is_named then settle_item(expected, found, name, of.after[part] or {}, is_named) end
  end
end

--- Two pictures in which the traces are alike.
---@param expected table part → item → flat table; those that are the same in both may be absent
---@param found table
---@param of { touched: table, after: table, left: { kind: string, key: string }[]?, tenant: string, both: boolean? }
---  touched: of M.touched; after: the state that the run left; left: what the undo has said to be left; both: the
---  expected state may have traces too
---@param full table? all of what is expected, if only what differs is in the pictures
---@return table expected
---@return table found
function M.settle(expected, found, of, full)
  expected, found = copy_of(expected), copy_of(found)
  for part in pairs(expected) do
    found[part] = found[part] or {}
  end
  for part in pairs(found) do
    expected[part] = expected[part] or {}
  end
  if full then with_histories(expected, found, full) end
  for part, items in pairs(found) do
    if of.left then settle_left(expected[part], items, part, of) end
    if SETTLE[part] then SETTLE[part](expected[part], items, of) end
  end
  return expected, found
end

return M
