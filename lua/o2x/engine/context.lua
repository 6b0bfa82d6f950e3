--- What the modules of lua/o2x/effects get of a run: its tenant and grants, its clients, and the gate.

local errors = require "o2x.base.error"
local step = require "o2x.script.step"
local store = require "o2x.engine.store"

local M = {}

-- A value that must be the same when the run is resumed: kept in the journal under the step and its name.
local function recorded(run, name, fn)
  local base = ("%s: %s"):format(step.path(), name)
  run.value_counts = run.value_counts or {}
  run.value_counts[base] = (run.value_counts[base] or 0) + 1
  local key = ("%s #%d"):format(base, run.value_counts[base])
  local past = run.past and run.past.values[key]
  if past then return past.value end
  local value = fn()
  if run.journal then run.journal:append { t = "value", path = step.path(), name = name, key = key, value = value } end
  return value
end

--- The context of a run.
---@param run table
---@return table ctx
function M.new(run)
  local ctx = {
    mode = run.mode,
    tenant = run.tenant,
    scope = run.scope,
    config = run.config,
    declared = run.declared,
  }

  --- A wire client, made once.
  function ctx.client(self, name) return run.client(self == ctx and name or self) end

  --- Makes a target what it should be.
  function ctx:effect(kind, target, desired) return run.gate:effect(kind, target, desired) end

  --- Reads a target as the run sees it.
  function ctx:read(kind, target) return run.gate:read(kind, target) end

  --- Would an earlier step of this plan have written something? Then what waits for it cannot come about.
  function ctx:planned() return run.mode == "plan" and run.plan:has_changes() end

  function ctx.log(self, ...)
    local level, message, fields = ...
    if self ~= ctx then
      level, message, fields = self, ...
    end
    run.report:message(step.path(), level, message, fields)
  end

  function ctx.waiting(self, text)
    if self ~= ctx then text = self end
    run.report:waiting(step.path(), text)
  end

  function ctx.check(self, ...)
    if self == ctx then return step.check(run, ...) end
    return step.check(run, self, ...)
  end

  --- A value that a resumed run must see again (the time, a random name).
  function ctx.recorded(self, ...)
    if self == ctx then return recorded(run, ...) end
    return recorded(run, self, ...)
  end

  --- What earlier runs did.
  function ctx.run_store() return store.open(run.config.state) end

  --- Refuses, with the script's line.
  function ctx:refuse(message, hint)
    errors.raise { kind = "refused", message = message, hint = hint, where = run.sandbox:where() }
  end

  return ctx
end

return M
