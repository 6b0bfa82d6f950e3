-- The rows of the control database: another tenant's are neither read nor written, whoever asks and however.

local TENANT <const> = [["core_config.tenant"]]

local function attack(what, body, expect, tenant)
  return {
    what,
    tenant = tenant,
    body = body .. '\nlog "reached"',
    code = 3,
    expect = expect,
    absent = { "reached", "LIC-" },
  }
end

local function dev(what, sql, expect)
  return attack("dev: " .. what, ("pg.tenant:rows(%q)"):format(sql), expect or "a read", "dev")
end

local function allocate(o)
  return ("pg.control:ensure_allocated { %s, column = 'id', %s }"):format([[table = "core_config.tenant"]], o)
end

local NOT_OWN <const> = "is not this tenant's row"

return {
  attack(
    "reads all licence keys",
    [[pg.control:rows "select name, licensekey from core_config.tenant"]],
    "rows of all"
  ),
  attack(
    "reads its own row by SQL",
    [[pg.control:one("select 1 from core_config.tenant where id = $1", tenant.id)]],
    "rows of all"
  ),
  attack("reads the catalogue of the control database", [[pg.control:rows "select 1 from pg_class"]], "rows of all"),
  attack("reads the admin database", [[pg.admin:rows "select datname from pg_database"]], "pg.admin:database"),
  attack("reads another's row", "pg.control:row(" .. TENANT .. [[, { name = "shm" }, { "licensekey" })]], NOT_OWN),
  attack(
    "reads another's row by id",
    "pg.control:row(" .. TENANT .. [[, { id = "TIDLT-100004" }, { "licensekey" })]],
    NOT_OWN
  ),
  attack(
    "reads rows by their state",
    "pg.control:row(" .. TENANT .. [[, { status = "ACTIVE" }, { "licensekey" })]],
    NOT_OWN
  ),
  attack(
    "retires another",
    "pg.control:ensure_row(" .. TENANT .. [[, { name = "shm" }, { status = "RETIRED" })]],
    NOT_OWN
  ),
  attack(
    "retires another by id",
    "pg.control:ensure_row(" .. TENANT .. [[, { id = "TIDLT-100004" }, { status = "RETIRED" })]],
    NOT_OWN
  ),
  attack(
    "takes another's name",
    "pg.control:ensure_row(" .. TENANT .. [[, { id = tenant.id }, { name = "shm" })]],
    "is not this tenant's"
  ),
  attack(
    "takes another's id",
    "pg.control:ensure_row(" .. TENANT .. [[, { name = tenant.name }, { id = "TIDLT-100004" })]],
    "is not this tenant's"
  ),
  attack(
    "takes another's Vault path",
    "pg.control:ensure_row(" .. TENANT .. [[, { name = tenant.name }, { vaultpath = "tenant/shm/production" })]],
    "is not this tenant's"
  ),
  attack(
    "writes another's profile",
    [[pg.control:ensure_row("core_config.tenant_profile", { tenantid = "TIDLT-100004" }, { city = "x" })]],
    NOT_OWN
  ),
  attack(
    "makes a user of the control database",
    [[pg.control:ensure_row("core_config.users", { userid = "x" }, { email = "x" })]],
    "is not granted"
  ),
  attack(
    "registers another tenant",
    allocate [[key = { name = "ghost" }, prefix = "TIDLT-", digits = 6, first = 100001]],
    NOT_OWN
  ),
  attack(
    "makes up the form of an id",
    allocate [[key = { name = tenant.name }, prefix = "TIDLT-1", digits = 5]],
    "is not granted"
  ),
  attack("migrates the control database", [[pg.control:ensure_migrated "engine/db/migration"]], "is not granted"),
  attack("vacuums the control database", [[pg.control:ensure_vacuumed("core_config.tenant", 0)]], "is not granted"),
  attack("tries passwords on the control database", [[pg.control:try_login("appuser", "x")]], "is not granted"),
  attack("asks how another's database is", [[pg.admin:database "coredb-shm"]], "is not granted"),
  attack(
    "gives a table for a name",
    "pg.control:ensure_row(" .. TENANT .. [[, { name = { "shm" } }, { status = "RETIRED" })]],
    "core_config.tenant where name = a table is not this tenant's row"
  ),
  attack("has an empty key", "pg.control:row(" .. TENANT .. [[, {}, { "licensekey" })]], "the key of a row"),
  attack(
    "answers a key twice",
    [[
local n = 0
local function answer()
  n = n + 1
  return pairs { name = n == 1 and "urbanos" or "shm" }
end
local key = setmetatable({}, { __pairs = answer,
  __index = function() return "shm" end })
pg.control:ensure_row("core_config.tenant", key, { status = "RETIRED" })]],
    "the table has a metatable"
  ),

  dev("reads all licence keys", "select licensekey from core_config.tenant", "core_config.tenant"),
  dev("reads them by quoted names", [[select * from "core_config"."tenant"]], "core_config.tenant"),
  dev("reads them by TABLE", "table core_config.tenant", "core_config.tenant"),
  dev(
    "reads them within an expression",
    "select (select max(licensekey) from core_config.tenant)",
    "core_config.tenant"
  ),
  dev("reads profiles in a join", "select 1 from bill, core_config.tenant_profile p", "core_config.tenant_profile"),
  dev("reads statistics of them", "select most_common_vals from pg_stats", "pg_statistic"),
  dev("asks for a plan", "explain analyze select * from core_config.tenant", "EXPLAIN"),
  dev("reads them as XML", "select query_to_xml('select 1', true, true, '')", "query_to_xml"),
  attack(
    "dev: retires another",
    "pg.tenant:ensure_row(" .. TENANT .. [[, { name = "shm" }, { status = "RETIRED" })]],
    NOT_OWN,
    "dev"
  ),
  attack(
    "dev: reads another's row",
    "pg.tenant:row(" .. TENANT .. [[, { name = "shm" }, { "licensekey" })]],
    NOT_OWN,
    "dev"
  ),
  attack("dev: dumps the registry", [[archive.dump_own()]], "holds the registry of all tenants", "dev"),
}
