--- The other tenants' databases, for an audit that compares one with them. What it reads is what they have in common:
--- catalogues, no rows. The scope by which it reads is made here, no script gets it, and there is nothing that could
--- write by it.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local memo = require "o2x.base.memo"
local preparation = require "o2x.engine.preparation"
local snapshot = require "o2x.base.snapshot"
local task = require "o2x.base.task"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

local MOST <const> = 7 -- databases that are asked: more of them would not change what most of them have

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

-- The databases of tenants that the server has, and the control database, which has the same migrations.
local function names_of(self, platform, places, settings)
  local this = look(self, platform, places)
  local _close <close> = defer(this.close_clients)
  local names = { places.pg.control }
  for _, database in ipairs(this.gate:type_of("pg.database").names(this.ctx)) do
    local is_one = database.name ~= places.pg.control and platform.owner("pg.database", database.name, settings, {})
    if is_one then names[#names + 1] = database.name end
  end
  table.sort(names, function(a, b)
    if (a == places.pg.control) ~= (b == places.pg.control) then return a == places.pg.control end
    return a < b
  end)
  return table.move(names, 1, math.min(#names, MOST + 1), 1, {})
end

-- One that cannot be read says nothing.
local function read(this, name, fn)
  local ok, found = xpcall(fn, errors.handler, this.ctx, name)
  if ok then return found end
  local err = errors.wrap(found)
  if is_serious(err) then error(err, 0) end
  return false
end

local function read_all(self, platform, fn)
  local settings = tenant_files.platform(self.config)
  local places = snapshot.take(platform.places(settings), "stdlib/platform.lua: places")
  local names = names_of(self, platform, places, settings)
  local scope = { sslmode = places.sslmode, pg = { control = places.pg.control, admin = places.pg.admin } }
  for i, name in ipairs(names) do
    scope.pg["other " .. i] = name
  end
  local this, found = look(self, platform, scope), {}
  local _close <close> = defer(this.close_clients)
  task.each(names, function(name) found[name] = read(this, name, fn) or nil end, { limit = MOST })
  return found
end

--- What fn reads of some databases of other tenants.
---@param platform table stdlib/platform.lua
---@param what string names what is read
---@param own string the database that is not asked
---@param fn fun(ctx: o2x.context, database: string): any
---@return table<string, any> answers by the names of databases
function Company:databases(platform, what, own, fn)
  if not (platform.owner and platform.places) then return {} end
  local others = {}
  for name, found in pairs(self.answers:get(what, function() return read_all(self, platform, fn) end)) do
    if name ~= own then others[name] = found end
  end
  return others
end

return M
