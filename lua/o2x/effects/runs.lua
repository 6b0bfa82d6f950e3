--- The run store for runbooks: which run this is, and what earlier runs of the same tenant did. Reads only.

local errors = require "o2x.base.error"
local identity = require "o2x.base.identity"

-- What scripts see of a run: its header, and each effect with its values before and after.
local function look(ctx, id)
  local h = ctx:run_store():look(id)
  if h.damaged then error(h.damaged, 0) end
  if h.tenant ~= ctx.tenant.name then
    errors.input(("run %s was for %s, not for %s"):format(id, h.tenant, ctx.tenant.name))
  end
  local effects = {}
  for _, e in ipairs(h.effects) do
    effects[#effects + 1] = {
      kind = e.kind,
      key = e.key,
      outcome = e.outcome,
      before = e.before,
      after = e.after,
      at = e.at,
    }
  end
  return {
    id = h.id,
    runbook = h.runbook.name,
    status = h.status,
    params = h.params,
    started = h.started,
    ended = h.ended,
    user = h.user,
    host = h.host,
    effects = effects,
  }
end

return {
  name = "runs",
  api = function(ctx)
    return {
      --- This run: its id (known after apply in a plan) and the user who started it.
      ---@return { id: string, user: string, host: string }
      current = function()
        local id = ctx:of_the_run("runs.id", function() return ctx.run_id end)
        local user = ctx:recorded("runs.current", function()
          local name, host = identity.here()
          return { user = name, host = host }
        end)
        return { id = id, user = user.user, host = user.host }
      end,

      --- The time of this run for names: "20261123-143015", also when it is resumed. In a plan it is "plan": the run's
      --- is known after apply.
      ---@return string
      stamp = function() return ctx:stamp_of_the_run() end,

      --- An earlier run of the same tenant, by its id or a unique part at its end or beginning.
      ---@param word string
      ---@return table run id, runbook, status, params, started, ended, user, host, effects: kind, key, outcome, before,
      --- after, at
      find = function(word) return look(ctx, ctx:run_store():find(word)) end,
    }
  end,
}
