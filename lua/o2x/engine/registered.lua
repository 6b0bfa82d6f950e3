--- What the platform's registry holds of all tenants, by one question: names, ids, statuses. It is asked by the scope
--- of stdlib/platform.lua's `places`, by which names are read and nothing can be written.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local preparation = require "o2x.engine.preparation"
local snapshot = require "o2x.base.snapshot"
local task = require "o2x.base.task"

local M = {}

local PATIENCE <const> = 5 -- seconds: a list of files must not wait for a server that is silent

local function ask(project, config, place, settings)
  local scope = snapshot.take(place.platform.places(settings), "stdlib/platform.lua: places")
  local this = preparation.look(project, config, "all tenants", place, { { name = "" }, scope })
  local _close <close> = defer(this.close_clients)
  return this.gate:type_of("pg.row").names(this.ctx)
end

--- The rows of the registry.
---@param project table
---@param config table
---@param place table of preparation.place, which nobody else uses at the time
---@param settings table platform.yaml
---@return table<string, { id: string, status: string? }>? rows by the tenants' names; nil: there is no registry, or it
---  does not answer
---@return string? problem why it does not answer
function M.rows(project, config, place, settings)
  if not place.platform.places then return nil end
  local ok, rows = xpcall(task.timeout, errors.handler, PATIENCE, ask, project, config, place, settings)
  if not ok then
    local err = errors.wrap(rows)
    if err.kind == "cancelled" then error(err, 0) end
    return nil, tostring(err)
  end
  local by_name = {}
  for _, row in ipairs(rows) do
    by_name[row.name] = { id = row.id, status = row.status }
  end
  return by_name
end

--- How a tenant stands, by its file and its row in the registry.
---@param file { id: string? }? nil: it has no file
---@param row { id: string, status: string? }? nil: the registry does not have it
---@return string state "active", as the registry says it, or what does not fit
function M.state(file, row)
  if not row then return "file only: not in the registry" end
  if not file then return "registry only: no file" end
  if file.id and file.id ~= row.id then return ("the file says %s, the registry %s"):format(file.id, row.id) end
  return (row.status or "in the registry"):lower()
end

return M
