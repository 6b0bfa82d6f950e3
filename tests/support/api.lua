--- The api of an effects module over clients that a test makes: effects are carried out at once, without a gate or a
--- journal, and noted.

local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local value = require "o2x.base.value"

local Context = {}
Context.__index = Context

--- Makes a target what it should be, as the gate does: read, compare, write.
function Context:effect(kind, target, desired)
  local sort = self.types[kind]
  local before = sort.read(self, target)
  local same = (sort.equal or value.equal)(before, desired)
  local outcome = same and "unchanged" or before == nil and "created" or desired == nil and "deleted" or "changed"
  self.done[#self.done + 1] = outcome .. " " .. sort.key(target)
  if same then return before, outcome end
  sort.write(self, target, desired, before, self.run_id .. "/1")
  return sort.read(self, target), outcome
end

--- Notes a request that has an effect; raises in a plan, as the gate does.
function Context:announce(_, what)
  if self.mode == "plan" then errors.raise { kind = "refused", code = "when_applied", message = what } end
  self.announced[#self.announced + 1] = what
end

--- Notes what a plan would list.
function Context:check_later(what) self.later[#self.later + 1] = what end

--- A run prints no commands for people.
function Context:look() end

--- A checklist has what is waited for.
function Context:wait_by_hand() end

--- What only a run will know.
function Context:known_later() return value.unknown end

--- Reads a target.
function Context:read(kind, target) return self.types[kind].read(self, target) end

--- Notes a message.
function Context:log(level, text) self.logged[#self.logged + 1] = level .. " " .. text end

--- Asks a system, once.
function Context:ask(_, fn, ...) return fn(...) end

--- Asks each time, as a run does.
function Context:once(_, fn, ...) return fn(...) end

--- Calls what only reads.
function Context:retry(fn, ...) return fn(...) end

--- Is asked to show what is waited for.
function Context:waiting() end

--- A value that a resumed run would see again.
function Context:recorded(_, fn) return fn() end

--- A value of the run itself.
function Context:of_the_run(_, fn) return self.mode == "plan" and value.unknown or fn() end

--- The run's id, for a desired value.
function Context:id_of_the_run() return self.mode == "plan" and value.unknown or self.run_id end

--- It holds no tenant.
function Context:fence() end

--- Refuses.
function Context:refuse(message, hint) errors.raise { kind = "refused", message = message, hint = hint } end

--- The api of a module.
---@param name string
---@param options { clients: table<string, table>?, scope: table?, config: table?, tenant: table?,
---  mode: string? }?
---@return table api
---@return table ctx done: the effects as "outcome key"; announced; later; logged; types
return function(name, options)
  options = options or {}
  local module = effects.find(name)
  local ctx = setmetatable({
    mode = options.mode or "apply",
    run_id = "R-1",
    scope = options.scope or {},
    config = options.config or {},
    tenant = options.tenant or { name = "acme" },
    done = {},
    announced = {},
    later = {},
    logged = {},
    types = {},
    progress = function() end,
  }, Context)
  ctx.client = function(one, other)
    local wanted = other or one
    return options.clients[wanted] or options.clients[wanted:match "[^.]+$"]
  end
  for _, sort in ipairs(module.types or {}) do
    ctx.types[sort.kind] = sort
  end
  return module.api(ctx), ctx
end
