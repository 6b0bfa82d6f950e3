--- What was ever changed for a tenant: the effects of all its runs, oldest run first. One run is in memory at a time.

local history = require "o2x.engine.history"
local journal = require "o2x.engine.journal"
local suggest = require "o2x.base.suggest"
local undone = require "o2x.engine.undone"

local M = {}

-- Outcomes of an effect that changed something, or may have.
local CHANGES <const> = { created = true, changed = true, deleted = true, begun = true, failed = true }

-- Whose run it is, as far as its journal can be read at all. A run whose journal is damaged may be anybody's.
local function tenant_of(store, summary)
  if not summary.damaged then return summary.tenant end
  local ok, first = pcall(journal.first, store:journal_of(summary.id))
  return ok and first.tenant or nil
end

-- Which undo took back what an effect did.
local function taken_back(summary, entry) return summary.undone or undone.of_step(summary, entry.path) end

local function wanted(entry, filter)
  return CHANGES[entry.outcome]
    and (not filter.kind or entry.kind == filter.kind or entry.kind:match "^[^.]+" == filter.kind)
    and (not filter.since or (entry.at or "") >= filter.since)
end

local function changes_of(summary, h, filter, kinds)
  local found = {}
  for _, entry in ipairs(history.in_order(h)) do
    kinds[entry.kind] = true
    if wanted(entry, filter) then found[#found + 1] = { entry = entry, undone_by = taken_back(summary, entry) } end
  end
  return found
end

-- Steps that somebody did by hand.
local function by_hand(h, filter)
  local found = {}
  for _, step in ipairs(h.steps) do
    local said = step.skipped
    if said and not filter.kind and (not filter.since or said.at >= filter.since) then found[#found + 1] = step end
  end
  return found
end

--- Goes through the runs for a tenant that changed something, or had a step done by hand.
---@param store table
---@param tenant string
---@param filter table kind: of effects, or the part of it before the dot; since: the earliest time, as records have it
---@param take fun(summary: table, h: table, changes: { entry: table, undone_by: string? }[], steps: table[]) gets each
---  run; steps: those that were done by hand
---@return { runs: integer, kinds: table<string, boolean>, damaged: { id: string, error: table }[] } looked_at the runs
---  for the tenant, whether or not they changed something; the kinds of their effects; damaged runs that are the
---  tenant's, or may be
function M.each(store, tenant, filter, take)
  local looked_at = { runs = 0, kinds = {}, damaged = {} }
  for _, summary in ipairs(store:list()) do
    local owner = tenant_of(store, summary)
    local h = owner == tenant and store:look(summary.id) or summary
    if h.damaged and (owner == tenant or not owner) then
      table.insert(looked_at.damaged, { id = summary.id, error = h.damaged })
    elseif owner == tenant and not h.damaged then
      looked_at.runs = looked_at.runs + 1
      local changes, steps = changes_of(summary, h, filter, looked_at.kinds), by_hand(h, filter)
      if #changes + #steps > 0 then take(summary, h, changes, steps) end
      h.reader:close()
    end
  end
  return looked_at
end

--- The tenants that have runs.
---@param store table
---@return string[] names
function M.tenants(store)
  local names, seen = {}, {}
  for _, summary in ipairs(store:list()) do
    if summary.tenant and not seen[summary.tenant] then
      seen[summary.tenant], names[#names + 1] = true, summary.tenant
    end
  end
  table.sort(names)
  return names
end

--- That a store has no run of a tenant, which may be a misspelt one.
---@param store table
---@param tenant string
---@return string? text nil: it has one
function M.none_for(store, tenant)
  local known = M.tenants(store)
  for _, name in ipairs(known) do
    if name == tenant then return nil end
  end
  return ("no run for %s%s"):format(tenant, suggest.did_you_mean(tenant, known))
end

return M
