--- What a run needs in the systems and does not have, all at once and before it writes anything. What it needs is what
--- the effect types say (`rights`) whose words it declares; what it has is what each system says when it is asked.

local errors = require "o2x.base.error"
local lazy = require "o2x.base.lazy"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

-- In the order in which people read them: the system, the grants that it follows from, who asks it.
local SYSTEMS <const> = {
  { "postgresql", "pg", lazy "o2x.policy.rights.postgresql" },
  { "vault", "vault", lazy "o2x.policy.rights.vault" },
  { "kubernetes", "k8s", lazy "o2x.policy.rights.kubernetes" },
  { "redis", "redis", lazy "o2x.policy.rights.redis" },
}

local function add(needs, rights)
  for system, list in pairs(rights or {}) do
    needs[system] = needs[system] or {}
    table.move(list, 1, #list, #needs[system] + 1, needs[system])
  end
end

--- What effect types need, by system.
---@param types table[]
---@param removed table<string, boolean>? the kinds of which an undo removes targets
---@return table<string, string[]>
function M.of(types, removed)
  local needs = {}
  for _, one in ipairs(types) do
    add(needs, one.rights)
    if removed and removed[one.kind] then add(needs, one.undo and one.undo.rights) end
  end
  return needs
end

-- A system that does not answer is missing, too.
local function asked(fn, ...)
  local ok, found = xpcall(fn, errors.handler, ...)
  if ok then return found or {} end
  local err = errors.wrap(found)
  if err.kind == "cancelled" or err.kind == "bug" then error(found, 0) end
  return { { text = value.text(err), mend = err.hint and value.text(err.hint) or nil, kind = err.kind } }
end

--- What is missing. Each system is asked once.
---@param this { client: function, grants: table, tenant: table, config: table, reach: fun(system: string, fn: function,
---  ...: any): any } reach: calls fn, and says which system it is that does not answer
---@param needs table<string, string[]> of M.of
---@return { text: string, mend: string?, kind: string?, system: string }[] kind: of an error; system: as grants name it
function M.missing(this, needs)
  local systems = {}
  for _, one in ipairs(SYSTEMS) do
    if needs[one[1]] and this.grants[one[2]] then systems[#systems + 1] = one end
  end
  local function ask(one) return asked(this.reach, one[2], one[3].missing, this, needs[one[1]]) end
  local answers = task.each(systems, ask, { limit = #SYSTEMS })
  local list = {}
  for i, system in ipairs(systems) do
    for _, one in ipairs(answers[i]) do
      one.system = system[2]
      list[#list + 1] = one
    end
  end
  return list
end

return M
