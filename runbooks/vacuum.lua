local clock = require "o2x.clock"
local pg = require "o2x.pg"
local runbook = require "o2x.runbook"

local TABLES = [[select schemaname || '.' || relname as name from pg_stat_user_tables order by 1]]

return runbook {
  name = "vacuum",
  version = "1.0.0",
  api = 1,
  summary = "Vacuum and analyze a tenant's tables, once a week",
  help = [[
Tables that nobody vacuumed for a week grow and slow queries down. Touches no data; takes no lock that stops the services.
Weekly, from cron: o2x run runbooks/vacuum.lua --tenants=env=production --keep-going
Verify with: o2x plan runbooks/vacuum.lua TENANT (nothing to do). There is nothing to go back to.]],
  params = { days = { "integer", default = 7, min = 0, max = 90, help = "leave alone what was vacuumed since" } },
  effects = { "pg:write" },

  run = function(tenant, params)
    local since = clock.now() - params.days * 86400
    local tables = step("Find the tables", function()
      local names = {}
      for i, row in ipairs(pg.tenant:rows(TABLES)) do
        names[i] = row.name
      end
      return names
    end)
    for _, name in ipairs(tables) do
      step("Vacuum " .. name, function() pg.tenant:ensure_vacuumed(name, since) end)
    end
    log(("%d tables of %s are vacuumed"):format(#tables, tenant.name))
  end,
}
