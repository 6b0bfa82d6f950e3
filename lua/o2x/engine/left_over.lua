--- What a tenant has and should not have: what the effect types list within its grants, and the plan of the runbook
--- that makes the tenant has not looked at.

local effects = require "o2x.effects"
local errors = require "o2x.base.error"

local M = {}

-- The types that the runbook may write and that can list what there is.
local function types_of(this)
  local list = {}
  for _, name in ipairs(effects.NAMES) do
    local module = effects.find(name)
    for _, effect_type in ipairs(this.declared[module.declares] and module.types or {}) do
      if effect_type.list then list[#list + 1] = effect_type end
    end
  end
  return list
end

-- A database that is not there has no rows; what the plan found missing already is not said again.
local ABSENT <const> = { ["3D000"] = true, ["42P01"] = true, ["3F000"] = true }

local function add(found, this, effect_type, listed)
  local key = effect_type.key(listed.target)
  if this.looked[effect_type.kind .. "\0" .. key] then return end
  found[#found + 1] = {
    way = "left over",
    kind = effect_type.kind,
    key = key,
    what = listed.title or key,
    lines = {},
    mend = listed.remove,
    hint = not listed.remove and "remove it where it was made" or nil,
  }
end

--- Finds it. What cannot be listed is a problem of the plan.
---@param this table a run that was audited: `looked` has what its plan looked at
---@return o2x.finding[] without a rank
function M.find(this)
  local found = {}
  for _, effect_type in ipairs(types_of(this)) do
    local system = effect_type.kind:match "^[^.]+"
    local retries = this.gate:retries { type = effect_type, key = effect_type.kind }
    local ok, listed = xpcall(this.gate.reach, errors.handler, this.gate, system, retries, effect_type.list, this.ctx)
    if ok then
      for _, one in ipairs(listed) do
        add(found, this, effect_type, one)
      end
    else
      local err = errors.wrap(listed)
      if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
      if not ABSENT[err.code] then this.plan:problem("", err, effect_type.kind) end
    end
  end
  return found
end

return M
