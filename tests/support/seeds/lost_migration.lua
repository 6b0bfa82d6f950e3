--- The history of newclient's migrations has lost one that was run: a seed as in tests/support/seeds.lua.

local SQL <const> = "delete from flyway_schema_history where version = '2'"

return {
  {
    what = "migration's row deleted",
    by = { "psql", "-X", "-q", "-d", "coredb-newclient", "-c", SQL },
    finds = { { "missing", "coredb-newclient: migration V2__business_tables.sql", "pg.migration" } },
  },
}
