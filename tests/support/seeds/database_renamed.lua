--- newclient's database has another name, which looks like another tenant's: a seed as in tests/support/seeds.lua.

local SQL <const> = 'alter database "coredb-newclient" rename to "coredb-newclient-old"'

return {
  {
    what = "database renamed",
    by = { "psql", "-X", "-q", "-d", "postgres", "-c", SQL },
    finds = { { "renamed", "database coredb-newclient-old", "pg.database" } },
  },
}
