--- Things of tenants that are in no file: what is left of a tenant that was half deleted. It reads the names of all
--- that effect types find on the platform (`names`) and asks stdlib/platform.lua whose they are. The scope by which it
--- reads is made here, no script gets it, and there is nothing that could write by it.

local defer = require "o2x.base.defer"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local preparation = require "o2x.engine.preparation"
local snapshot = require "o2x.base.snapshot"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

local UNTIDY <const> = 3

-- A look that has no tenant, by the places that the platform names.
local function look_at(project, config, place)
  local settings = tenant_files.platform(config)
  local scope = snapshot.take(place.platform.places(settings), "stdlib/platform.lua: places")
  return preparation.look(project, config, "no tenant", place, { { name = "" }, scope }), settings
end

local function names_of(this, effect_type, orphan)
  local system = effect_type.kind:match "^[^.]+"
  local retries = this.gate:retries { type = effect_type, key = effect_type.kind }
  return (this.gate:reach(system, retries, effect_type.names, this.ctx, orphan))
end

-- The tenants of all ids: the files know some, the registry the others.
local function ids_of(this, config)
  local ids, files = {}, tenant_files.read(config)
  for _, row in ipairs(names_of(this, this.gate:type_of "pg.row", function() end)) do
    ids[row.id] = row.name
  end
  for name in pairs(files.by_name) do
    local id = (files:of(name) or {}).id
    if type(id) == "string" then ids[id] = name end
  end
  return ids, files.by_name
end

local function finding_of(kind, listed)
  return {
    rank = UNTIDY,
    way = "orphan",
    kind = kind,
    what = listed.title or listed.name,
    key = listed.name,
    lines = {},
    mend = listed.remove,
    hint = not listed.remove and "remove it where it was made" or nil,
  }
end

-- One report for each tenant without a file, by its name.
local function reports_of(by_tenant)
  local reports = {}
  for tenant, findings in pairs(by_tenant) do
    reports[#reports + 1] = { tenant = tenant, orphan = true, findings = findings, unseen = {}, inside = 0, looked = 0 }
  end
  table.sort(reports, function(a, b) return a.tenant < b.tenant end)
  return reports
end

local function find(this, config, settings, claimed)
  local by_tenant = {}
  local ids, known = ids_of(this, config)
  for _, module_name in ipairs(effects.NAMES) do
    for _, effect_type in ipairs(effects.find(module_name).types or {}) do
      local kind = effect_type.kind
      local function orphan(name)
        local owner = this.platform.owner(kind, name, settings, ids)
        return owner and not known[owner] and owner or nil
      end
      for _, listed in ipairs(effect_type.names and names_of(this, effect_type, orphan) or {}) do
        local owner = orphan(listed.name)
        if owner and not claimed[kind .. "\0" .. listed.name] then
          by_tenant[owner] = by_tenant[owner] or {}
          table.insert(by_tenant[owner], finding_of(kind, listed))
        end
      end
    end
  end
  return reports_of(by_tenant)
end

--- Finds them. A platform without `owner` and `places` has none.
---@param project table
---@param config table
---@param place table of preparation.place
---@param claimed table<string, boolean> kind and name, with "\0" between, of what is known to be another tenant's
---@return table[] reports one for each tenant that is in no file
function M.find(project, config, place, claimed)
  if not (place.platform.owner and place.platform.places) then return {} end
  local this, settings = look_at(project, config, place)
  local _close <close> = defer(this.close_clients)
  local ok, reports = xpcall(find, errors.handler, this, config, settings, claimed)
  if ok then return reports end
  local err = errors.wrap(reports)
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  return { { tenant = "(names of all tenants)", findings = {}, unseen = {}, inside = 0, looked = 0, error = err } }
end

return M
