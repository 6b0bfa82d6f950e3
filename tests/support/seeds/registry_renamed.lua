--- The registry has newclient under another name: a seed as in tests/support/seeds.lua.

local SQL <const> = "update core_config.tenant set name = 'newclient-old' where name = 'newclient'"

return {
  {
    what = "registry's row renamed",
    by = { "psql", "-X", "-q", "-d", "enginedevdb", "-c", SQL },
    finds = { { "renamed", "enginedevdb core_config.tenant where name = 'newclient-old'", "pg.allocated" } },
  },
}
