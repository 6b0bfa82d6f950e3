--- Is there anything of a tenant at all? Of one that was never onboarded, an audit says so in one line, instead of
--- planning all that there is to make. It asks for the database first: where that is, there is something.

local errors = require "o2x.base.error"
local left_over = require "o2x.engine.left_over"

local M = {}

local function ask(this, effect_type, fn, ...)
  local retries = this.gate:retries { type = effect_type, key = effect_type.kind }
  return (this.gate:reach(effect_type.kind:match "^[^.]+", retries, fn, this.ctx, ...))
end

local function has_database(this)
  local granted = this.scope.pg
  local effect_type = this.gate:type_of "pg.database"
  return ask(this, effect_type, effect_type.read, { database = granted.admin, name = granted.tenant }) ~= nil
end

-- A file of its own, or its section in one that all tenants share.
local function has_file(this)
  local granted, effect_type = this.scope.files or {}, this.gate:type_of "file.text"
  for _, path in ipairs(granted.write or {}) do
    local heading = (granted.sections or {})[path]
    local text = ask(this, effect_type, effect_type.read, path)
    if text and (not heading or ("\n" .. text):find("\n" .. heading, 1, true)) then return true end
  end
  return false
end

local function is_nothing(this)
  if has_database(this) then return false end
  if this.registration:check() and this.tenant.id then return false end -- the registry has it
  this.looked = {}
  local listed = left_over.find(this)
  return #listed == 0 and #this.plan.problems == 0 and not has_file(this)
end

--- Looks. Who cannot look does not know.
---@param this table a run that was prepared for an audit
---@return boolean
function M.is(this)
  local granted = this.scope.pg
  if not (granted and granted.tenant and granted.admin and granted.tenant ~= granted.control) then return false end
  if not this.platform.registry then return false end
  local plan = this.plan
  this.plan = require("o2x.engine.plan").new()
  local ok, nothing = xpcall(is_nothing, errors.handler, this)
  this.plan, this.looked = plan, nil
  if ok then return nothing end
  local err = errors.wrap(nothing)
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  return false
end

return M
