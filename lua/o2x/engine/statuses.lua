--- What is special about each tenant, by stdlib/platform.lua (`status`). Few tenants have a status: one question to the
--- systems says which (`noted`), and only those are asked for it, each by a look of its own with its own grants.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local preparation = require "o2x.engine.preparation"
local snapshot = require "o2x.base.snapshot"
local task = require "o2x.base.task"

local M = {}

local AT_ONCE <const> = 4

-- What is so for one tenant is so for all. Whoever may not ask for all may still ask for each.
local FOR_ALL <const> = { input = true, unreachable = true, timeout = true }

-- The text of an error, shown instead of a status. Ctrl-C is not one.
local function unknown(err)
  if errors.wrap(err).kind == "cancelled" then error(err, 0) end
  return "status unknown: " .. tostring(err)
end

-- Calls ask(platform, tenant) in a look; -> whether it went well, its result or the error.
local function look(project, config, place, name, loaded, ask)
  return xpcall(function()
    local this = preparation.look(project, config, name, place, loaded)
    local _close <close> = defer(this.close_clients)
    return ask(this.platform, this.tenant)
  end, errors.handler)
end

-- The names of the tenants that have a status, as a set; nil: any may have one. Or the text that stands for all.
local function noted(project, config, place, settings)
  local of_platform = place.platform.noted
  if not of_platform then return nil end
  local scope = snapshot.take(of_platform.grants(settings), "stdlib/platform.lua: noted.grants")
  local ok, names = look(project, config, place, "all tenants", { { name = "" }, scope }, of_platform.names)
  if not ok then
    local text = unknown(names)
    return nil, FOR_ALL[errors.wrap(names).kind] and text or nil
  end
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

--- The statuses of tenants.
---@param project table
---@param config table
---@param files table of tenant_files.read
---@param place table of preparation.place, which nobody else uses at the time
---@param names string[] of the tenants, whose files have been checked
---@param load fun(name: string): table, table a tenant and its scope, for a look at it
---@return table<string, string> statuses by tenant; of one that has none it is ""
function M.of(project, config, files, place, names, load)
  local statuses, asked = {}, {}
  local some, all = nil, ""
  if place.platform.status and #names > 0 then
    some, all = noted(project, config, place, files.settings)
  end
  for _, name in ipairs(names) do
    local asks = not all and (not some or some[name])
    asked[#asked + 1], statuses[name] = asks and name or nil, all or ""
  end
  local free = { place }
  task.each(asked, function(name)
    local own = table.remove(free) or preparation.place(project)
    local ok, status = look(
      project,
      config,
      own,
      name,
      table.pack(load(name)),
      function(platform, tenant) return platform.status(tenant) or "" end
    )
    statuses[name] = ok and status or unknown(status)
    free[#free + 1] = own
  end, { limit = AT_ONCE })
  return statuses
end

return M
