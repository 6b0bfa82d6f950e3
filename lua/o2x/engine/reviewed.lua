--- What effect types find otherwise than it should be, beside what the plan of one target after the other shows: a
--- table that somebody dropped, a role that may not log in, a claim that is lost. A type says so in its `review`.

local effects = require "o2x.effects"
local errors = require "o2x.base.error"

local M = {}

-- The types that the runbook may write, and that can say so.
local function types_of(this)
  local list = {}
  for _, name in ipairs(effects.NAMES) do
    local module = effects.find(name)
    for _, effect_type in ipairs(this.declared[module.declares] and module.types or {}) do
      if effect_type.review then list[#list + 1] = effect_type end
    end
  end
  return list
end

-- What is not there at all is a finding of the plan.
local ABSENT <const> = { ["3D000"] = true }

---@return o2x.around
local function around(this, kind, company)
  return {
    company = function(...) return company:databases(this.platform, ...) end,
    strays = function(...) return company:strays(this.platform, ...) end,
    everywhere = function(...) return company:everywhere(this.platform, ...) end,
    wanted = function(key) return this.looked[kind .. "\0" .. key] end,
  }
end

local function review(this, effect_type, company, unseen)
  local system = effect_type.kind:match "^[^.]+"
  local retries = this.gate:retries { type = effect_type, key = effect_type.kind }
  local function ask()
    local found, why = effect_type.review(this.ctx, around(this, effect_type.kind, company))
    return { found = found, unseen = why }
  end
  local ok, answer = xpcall(this.gate.reach, errors.handler, this.gate, system, retries, ask)
  if ok then
    unseen[#unseen + 1] = answer.unseen
    return answer.found
  end
  local err = errors.wrap(answer)
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  if not ABSENT[err.code] then this.plan:problem("", err, effect_type.kind) end
  return {}
end

--- Finds it. What cannot be looked at is a problem of the plan.
---@param this table a run that was audited
---@param company table of engine/company.lua
---@param unseen string[] gets what could not be judged
---@return o2x.finding[] findings some without a rank
function M.find(this, company, unseen)
  local found = {}
  for _, effect_type in ipairs(types_of(this)) do
    for _, one in ipairs(review(this, effect_type, company, unseen)) do
      one.kind, one.what = effect_type.kind, one.title or one.key
      one.title, one.lines = nil, one.lines or {}
      found[#found + 1] = one
    end
  end
  return found
end

return M
