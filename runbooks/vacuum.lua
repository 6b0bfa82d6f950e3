--- Vacuum: weekly upkeep of a tenant's tables.

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
Why:     tables that are not vacuumed grow and slow queries down.
Does:    runs VACUUM ANALYZE on each table that was not vacuumed in the last days= days.
         Weekly, from cron: o2x run vacuum --tenants=env=production --keep-going
Touches: no data; it takes no lock that blocks the services.
Verify:  o2x plan vacuum TENANT (no changes)
Undo:    not needed]],
  params = { days = { "integer", default = 7, min = 0, max = 90, help = "skip tables vacuumed in these days" } },
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
