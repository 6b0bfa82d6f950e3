--- The registry has lost newclient: a seed as in tests/support/seeds.lua.

local SQL <const> = "delete from core_config.tenant_profile where tenantid = 'TIDLT-100008'; "
  .. "delete from core_config.tenant where name = 'newclient'"

return {
  {
    what = "registry's rows deleted",
    by = { "psql", "-X", "-q", "-d", "enginedevdb", "-c", SQL },
    finds = { { "missing", "enginedevdb core_config.tenant where name = 'newclient'", "pg.allocated" } },
  },
}
