--- Which runs of a store can go, and their removal. A run that somebody may still go on with stays, and so does what
--- such a run refers to.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local fleets = require "o2x.engine.fleet"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"

local M = {}

local DAY <const> = 86400 -- seconds
local HOUR <const> = 3600 -- seconds
local GONE <const> = ".gone-" -- a run that is being removed
local NEW <const> = ".new-" -- one that is being made (store.lua)

-- Runs that must stay, with the reason: they are not over, or they cannot be judged.
local function needed(store, list)
  local why, open = {}, {}
  for _, fleet in ipairs(fleets.list(store, list)) do
    open[fleet.id] = fleet.unfinished or fleet.status == "running"
  end
  for _, run in ipairs(store:unfinished()) do
    why[run.id] = "unfinished"
  end
  for _, run in ipairs(list) do
    if run.damaged then
      why[run.id] = "damaged"
    elseif run.status == "running" or run.undoing or open[run.fleet or ""] then
      why[run.id] = why[run.id] or "unfinished"
    end
  end
  return why
end

-- The newest runs of each tenant, and those of the last days. A run is kept if either asks for it.
local function asked_for(list, keep, now)
  local why, count = {}, {}
  for i = #list, 1, -1 do
    local run = list[i]
    local of_tenant = (count[run.tenant or ""] or 0) + 1
    count[run.tenant or ""] = of_tenant
    local old = keep.days and run.started and now - clock.parse(run.started) > keep.days * DAY
    if keep.last and of_tenant <= keep.last or keep.days and not old then why[run.id] = "asked for" end
  end
  return why
end

-- Puts two groups of runs into one: its members, found by the id of each.
local function join(groups, id, other)
  local one, more = groups[id] or { id }, groups[other]
  groups[id] = one
  if not more or more == one then return end
  for _, member in ipairs(more) do
    one[#one + 1], groups[member] = member, one
  end
end

-- A run and what took it back stay together: without the undo the run would seem to stand, without the run the undo
-- could not be taken back. So do the runs of a fleet: a tenant without its run would seem to be still to come.
local function keep_together(list, why)
  local groups, fleets_first = {}, {}
  for _, run in ipairs(list) do
    join(groups, run.id, run.undo and run.undo.run)
    if run.fleet then
      join(groups, run.id, fleets_first[run.fleet])
      fleets_first[run.fleet] = run.id
    end
  end
  for _, run in ipairs(list) do
    for _, id in ipairs(why[run.id] and groups[run.id] or {}) do
      why[id] = why[id] or "its fleet, its undo, or what it took back, is kept"
    end
  end
end

local function size_of(folder)
  local bytes = 0
  for _, path in ipairs(fs.walk(folder)) do
    local stat = fs.stat(fs.join(folder, path), false)
    bytes = bytes + (stat and stat.type == "file" and stat.size or 0)
  end
  return bytes
end

--- Chooses the runs that can go.
---@param store table
---@param keep table days: those that are younger; last: so many of each tenant; tenant: only of that one
---@param now number seconds since 1970
---@return { id: string, tenant: string, runbook: string, started: string, status: string, bytes: integer }[] list the
---  oldest first
---@return table<string, integer> kept how many stay, by the reason
function M.choose(store, keep, now)
  local list = store:list()
  local why, asked = needed(store, list), asked_for(list, keep, now)
  for id, reason in pairs(asked) do
    why[id] = why[id] or reason
  end
  keep_together(list, why)
  local chosen, kept = {}, {}
  for _, run in ipairs(list) do
    local reason = why[run.id]
    if reason then
      kept[reason] = (kept[reason] or 0) + 1
    elseif not keep.tenant or run.tenant == keep.tenant then
      chosen[#chosen + 1] = {
        id = run.id,
        tenant = run.tenant,
        runbook = run.runbook,
        started = run.started,
        status = run.status,
        fleet = run.fleet,
        bytes = size_of(store:folder_of(run.id)),
      }
    end
  end
  return chosen, kept
end

--- Removes a run. It is away at once; killed meanwhile, the rest goes with the next removal.
---@param store table
---@param id string
function M.remove(store, id)
  local folder, gone = store:folder_of(id), fs.join(store.folder, GONE .. id)
  if not fs.exists(folder) then return end -- somebody else removes the same runs
  if journal.held(store:journal_of(id)) then
    errors.raise { kind = "locked", module = "store", message = id .. " is running", hint = "o2x show " .. id }
  end
  fs.rename(folder, gone)
  fs.remove_tree(gone)
end

-- A run gets its name within seconds; what has none after an hour was killed before it began.
local function never_began(store, name)
  local stat = name:sub(1, #NEW) == NEW and fs.stat(fs.join(store.folder, name), false)
  return stat and clock.now() - stat.mtime > HOUR
end

--- Removes what was left by a removal, or a beginning, that was killed.
---@param store table
function M.finish(store)
  for _, name in ipairs(fs.list(store.folder)) do
    local left = name:sub(1, #GONE) == GONE or never_began(store, name)
    if left then fs.remove_tree(fs.join(store.folder, name)) end
  end
end

--- Removes the requests of runs over several tenants of which no run stays. It comes before their runs: killed in
--- between, these are runs by themselves; the other way round, their tenants would seem to be still to come.
---@param store table
---@param chosen table[] of choose
function M.forget_fleets(store, chosen)
  local goes, stays = {}, {}
  for _, run in ipairs(chosen) do
    goes[run.id] = true
  end
  for _, run in ipairs(store:list()) do
    if run.fleet and not goes[run.id] then stays[run.fleet] = true end
  end
  for _, run in ipairs(chosen) do
    if run.fleet and not stays[run.fleet] then fleets.forget(store, run.fleet) end
  end
end

return M
