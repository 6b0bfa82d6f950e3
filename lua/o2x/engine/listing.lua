--- The runs and the runs over several tenants of a store, as people see them in one list.

local fs = require "o2x.base.fs"
local lazy = require "o2x.base.lazy"
local fleets = lazy "o2x.engine.fleet"

local M = {}

--- All fleets of a store, as fleet.lua lists them.
---@param store table
---@param list table[] of Store:list
---@return table[]
function M.fleets(store, list)
  if not fs.is_folder(fs.join(store.folder, "fleets")) then return {} end
  return fleets.list(store, list)
end

--- What has something to go on with, oldest first: fleets, and the runs that do not belong to one of them.
---@param store table
---@param list table[]? of Store:list, where it is known already
---@return table[] summaries of fleets (they have `tenants`) and runs
function M.unfinished(store, list)
  list = list or store:list()
  local found, open = {}, {}
  for _, one in ipairs(M.fleets(store, list)) do
    if one.unfinished then
      found[#found + 1], open[one.id] = one, true
    end
  end
  for _, one in ipairs(store:unfinished(list)) do
    if not open[one.fleet or ""] then found[#found + 1] = one end
  end
  return M.sort(found)
end

--- What is unfinished of a tenant, after a later run for it.
---@param store table
---@param run table the later run, which is done: what it overtakes or takes back is not unfinished
---@return table[] summaries of runs
function M.unfinished_of(store, run)
  local found, taken_back = {}, run.undo and run.undo.history.id
  for _, one in ipairs(store:unfinished(store:list(run.id))) do
    local same = not run.undo and one.runbook == run.runbook.name
    if one.tenant == run.tenant_name and not same and one.id ~= taken_back then found[#found + 1] = one end
  end
  return found
end

--- Puts runs and fleets in the order in which they began: their ids have the same times.
---@param list table[]
---@return table[] list
function M.sort(list)
  local function key(one) return one.id:sub(3) .. (one.tenants and "0" or "1") end
  table.sort(list, function(a, b) return key(a) < key(b) end)
  return list
end

return M
