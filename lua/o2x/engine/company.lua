--- What an audit asks beside a tenant's own: the other databases of the server, and the places where names of all
--- tenants are. Databases of other tenants are compared with one: what is read is what they have in common, catalogues
--- and no rows. Those of nobody are asked whose they say they are. The scope for it is made here, no script gets it,
--- and there is nothing that could write by it.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local memo = require "o2x.base.memo"
local preparation = require "o2x.engine.preparation"
local snapshot = require "o2x.base.snapshot"
local task = require "o2x.base.task"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

local MOST <const> = 7 -- databases that are asked: more of them would not change what most of them have
local MOST_STRAYS <const> = 20

local Company = {}
Company.__index = Company

--- The company of all tenants. Audits at the same time share one: each database is read once.
---@param project table
---@param config table
---@return table company
function M.new(project, config)
  return setmetatable({ project = project, config = config, answers = memo.new(math.huge) }, Company)
end

-- A look without a tenant, by a scope made here. Nothing of it runs in a sandbox.
local function look(self, platform, scope)
  local place = { sandbox = {}, platform_sandbox = {}, platform = platform }
  return preparation.look(self.project, self.config, "no tenant", place, { { name = "" }, scope })
end

local function is_serious(err) return err.kind == "cancelled" or err.kind == "bug" end

-- The databases that the server has beside the control database, by name: those for which fn holds.
local function names_of(self, platform, places, fn)
  local this, names = look(self, platform, places), {}
  local _close <close> = defer(this.close_clients)
  for _, database in ipairs(this.gate:type_of("pg.database").names(this.ctx)) do
    local name = database.name
    if name ~= places.pg.control and name ~= places.pg.admin and fn(name) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The databases of tenants, and the control database, which has the same migrations.
local function of_tenants(self, platform, places, settings)
  local function is_one(name) return platform.owner("pg.database", name, settings, {}) end
  local names = names_of(self, platform, places, is_one)
  return table.move(names, 1, math.min(#names, MOST), 2, { places.pg.control })
end

-- The databases that belong to no tenant with a file.
local function of_nobody(self, platform, places, settings)
  local known = tenant_files.read(self.config).by_name
  local function is_one(name)
    local owner = platform.owner("pg.database", name, settings, {})
    return not (owner and known[owner])
  end
  local names = names_of(self, platform, places, is_one)
  return table.move(names, 1, math.min(#names, MOST_STRAYS), 1, {})
end

-- One that cannot be read says nothing.
local function read(this, name, fn)
  local ok, found = xpcall(fn, errors.handler, this.ctx, name)
  if ok then return found end
  local err = errors.wrap(found)
  if is_serious(err) then error(err, 0) end
  return false
end

-- choose: of_tenants or of_nobody
local function read_all(self, platform, choose, fn)
  local settings = tenant_files.platform(self.config)
  local places = snapshot.take(platform.places(settings), "stdlib/platform.lua: places")
  local names = choose(self, platform, places, settings)
  local scope = { sslmode = places.sslmode, pg = { control = places.pg.control, admin = places.pg.admin } }
  for i, name in ipairs(names) do
    scope.pg["other " .. i] = name
  end
  local this, found = look(self, platform, scope), {}
  local _close <close> = defer(this.close_clients)
  task.each(names, function(name) found[name] = read(this, name, fn) or nil end, { limit = MOST })
  return found
end

-- Each is read once.
local function answers(self, platform, what, choose, fn)
  if not (platform.owner and platform.places) then return {} end
  return self.answers:get(what, function() return read_all(self, platform, choose, fn) end)
end

--- What fn reads of some databases of other tenants.
---@param platform table stdlib/platform.lua
---@param what string names what is read
---@param own string the database that is not asked
---@param fn fun(ctx: o2x.context, database: string): any
---@return table<string, any> answers by the names of databases
function Company:databases(platform, what, own, fn)
  local others = {}
  for name, found in pairs(answers(self, platform, what, of_tenants, fn)) do
    if name ~= own then others[name] = found end
  end
  return others
end

--- What fn reads of the databases that belong to no tenant with a file.
---@param platform table stdlib/platform.lua
---@param what string names what is read
---@param fn fun(ctx: o2x.context, database: string): any the same for each tenant
---@return table<string, any> answers by the names of databases
function Company:strays(platform, what, fn) return answers(self, platform, what, of_nobody, fn) end

--- What fn reads in the places where names of all tenants are, once for all audits.
---@param platform table stdlib/platform.lua
---@param what string names what is read
---@param fn fun(ctx: o2x.context): any the same for each tenant
---@return any answer nil: the platform does not say where they are
function Company:everywhere(platform, what, fn)
  if not (platform.owner and platform.places) then return nil end
  return self.answers:get(what, function()
    local places = snapshot.take(platform.places(tenant_files.platform(self.config)), "stdlib/platform.lua: places")
    local this = look(self, platform, places)
    local _close <close> = defer(this.close_clients)
    return fn(this.ctx)
  end)
end

return M
