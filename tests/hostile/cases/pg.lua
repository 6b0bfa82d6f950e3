-- Reads that do something, names that are SQL, archives that are not the tenant's.

local list = {}

-- A read that is refused, and what the refusal names.
local function read(sql, expect)
  list[#list + 1] = { "reads with " .. sql, body = ("pg.tenant:rows(%q)"):format(sql), code = 3, expect = expect }
end

read("select pg_advisory_lock(7)", "a read may not call pg_advisory_lock")
read('select "pg_advisory_lock"(7)', "a read may not call pg_advisory_lock")
read("select pg_catalog.pg_advisory_lock(7)", "a read may not call pg_catalog.pg_advisory_lock")
read("select (7::bigint).pg_advisory_lock", "it could call a function")
read("select 1 -- x\r, pg_advisory_lock(7)", "a read may not call pg_advisory_lock")
read("set statement_timeout = 0", "a read may not begin with SET")
read("select set_config('statement_timeout', '0', false)", "a read may not call set_config")
read("create temp table x (a int)", "a read may not begin with CREATE")
read("select 1 into temp x", "a read may not have INTO")
read("select lo_from_bytea(0, 'x')", "a read may not call lo_from_bytea")
read("notify x", "a read may not begin with NOTIFY")
read("select pg_notify('x', 'y')", "a read may not call pg_notify")
read("lock table account", "a read may not begin with LOCK")
read("select * from account for update", "a read may not lock rows")
read("select nextval('x')", "a read may not call nextval")
read("select pg_terminate_backend(pid) from pg_stat_activity", "a read may not call pg_terminate_backend")
read("select pg_cancel_backend(pid) from pg_stat_activity", "a read may not call pg_cancel_backend")
read("select pg_sleep(1000)", "a read may not call pg_sleep")
read("select query_to_xml('delete from account', true, true, '')", "a read may not call query_to_xml")
read("select * from dblink('dbname=coredb-shm', 'select 1') as t (a int)", "a read may not call dblink")
read("select pg_read_file('/etc/passwd')", "a read may not call pg_read_file")
read("select pg_reload_conf()", "a read may not call pg_reload_conf")
read("with a as (delete from account returning 1) select * from a", "a read may not DELETE")
read("explain analyze delete from account", "a read may not begin with DELETE")
read("select 1; drop table account", "more than one statement")
read("do $$ begin end $$", "a read may not begin with DO")
read("copy account to program 'id'", "a read may not begin with COPY")
read("reset role", "a read may not begin with RESET")
read("select x.pg_sleep from generate_series(9, 9) x", "pg_sleep in the form of a column")
read("select x.pg_advisory_lock from generate_series(7, 7) x", "pg_advisory_lock in the form of a column")
read('select x."lo_creat" from generate_series(-1, -1) as x', "lo_creat in the form of a column")
read("select x.pg_terminate_backend from unnest(array[1]) x", "pg_terminate_backend in the form of a column")
read("select rolname, rolpassword from pg_authid", "pg_authid: it has passwords")
read("select usename, passwd from pg_catalog.pg_shadow", "pg_shadow: it has passwords")
read('select subconninfo from "pg_subscription"', "pg_subscription: it has passwords")
read('select U&"pg\\005fsleep"(1)', "unexpected U&")

local function refused(what, body, expect, more)
  local case = { what, body = body, code = 3, expect = expect }
  for name, value in pairs(more or {}) do
    case[name] = value
  end
  list[#list + 1] = case
end

refused("reads on the admin's database", [[pg.admin:rows "select pg_sleep(9)"]], "has no tables for scripts")
refused(
  "reads on the registry",
  [[pg.control:one "select pg_advisory_lock(1)"]],
  "a script may not read it with SQL of its own"
)
refused("reads in a plan", [[pg.tenant:rows "select pg_advisory_lock(1)"]], "pg_advisory_lock", { mode = "plan" })
refused("reads SQL that is no text", [[pg.tenant:rows { "select 1" }]], "SQL as text")
refused(
  "shows a secret by a read",
  [[output(pg.tenant:one("select $1::text as x", tenant.secrets.stripe.api_key).x)]],
  "a secret",
  { secrets = "stripe:\n  api_key: marked-secret-0123\n", absent = "marked-secret-0123" }
)
refused("writes o2x's own records", [[pg.tenant:ensure_row("o2x.effect", { key = "x" }, { run = "y" })]], "o2x.effect")
refused(
  "writes Flyway's history",
  [[pg.tenant:ensure_row("public.flyway_schema_history", { installed_rank = 1 }, { success = true })]],
  "flyway_schema_history"
)
refused(
  "writes a catalog",
  [[pg.tenant:ensure_row("pg_catalog.pg_authid", { rolname = "admin" }, { rolsuper = true })]],
  "pg_authid"
)
refused("names a table with SQL", [[pg.tenant:ensure_row('a"; drop table b; --', { id = 1 }, {})]], "invalid")
refused(
  "names a column with SQL",
  [[pg.tenant:ensure_row("account", { ['id" = 1; --'] = 1 }, {})]],
  "invalid column name"
)
refused(
  "hands SQL over as a placeholder",
  [[pg.tenant:ensure_migrated("engine/db/migration", { placeholders = { x = "'; drop table a; --" } })]],
  "would become a part of the migration's SQL"
)
refused("migrates the registry", [[pg.control:ensure_migrated("engine/db/migration")]], "enginedevdb")
refused(
  "repairs the history of the registry",
  [[pg.control:ensure_migrations_repaired("engine/db/migration")]],
  "enginedevdb"
)
refused(
  "repairs a history by a folder that it may not read",
  [[pg.tenant:ensure_migrations_repaired("secrets")]],
  "secrets"
)
refused(
  "migrates the admin's database",
  [[pg.admin:ensure_migrated("engine/db/migration")]],
  "'postgres' is not granted"
)
refused("vacuums the registry", [[pg.control:ensure_vacuumed("core_config.tenant", clock.now())]], "enginedevdb")
refused(
  "gives the database to a role",
  [[pg.admin:ensure_database(tenant.database, { owner = "postgres" })]],
  "role postgres is not granted"
)
refused(
  "gives a role privileges",
  [[pg.admin:ensure_grant(tenant.database, { all = { "o2x_reader" } })]],
  "role o2x_reader is not granted"
)
refused(
  "numbers with a format",
  [[pg.control:ensure_allocated { table = "core_config.tenant", key = { name = "x" }, column = "id", digits = 999 }]],
  "digits must be"
)

refused("says whose an archive is", [[archive.examine("/etc/hostname", { table = "x", key = {} })]], "takes a path")
refused(
  "restores a table with SQL for a name",
  [[archive.restore_table "account; drop table account"]],
  "is not the name of a table"
)
refused(
  "restores a table of an archive with SQL for a name",
  [[archive.create_copy { path = "/x", sha256 = "x", table = "a.b; drop table c" }]],
  "is not the name of a table"
)
refused("reads from a copy with SQL that acts", [[archive.rows "select pg_sleep(9)"]], "pg_sleep")
refused(
  "restores what is no archive",
  [[archive.create_copy { path = "/etc/hostname", sha256 = "x" }]],
  "",
  { code = 1 }
)

return list
