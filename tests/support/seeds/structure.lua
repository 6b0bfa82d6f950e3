--- What somebody did to the structure of newclient's database, to its owners and privileges, and to the role of the
--- services: seeds as in tests/support/seeds.lua.

local function psql(database, sql) return { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql } end

local function own(sql) return psql("coredb-newclient", sql) end
local function server(sql) return psql("postgres", sql) end

local DATABASE <const> = "coredb-newclient: "

-- A role that is nobody's, to which things can be given.
local STRANGER <const> = "create role stranger; grant stranger to admin; "

-- A finding of the structure.
local function found(way, what, ...)
  local list = { { way, DATABASE .. what, "pg.migration" } }
  for _, more in ipairs { ... } do
    list[#list + 1] = { more[1], DATABASE .. more[2], "pg.migration" }
  end
  return list
end

return {
  { what = "table dropped", by = own "drop table public.payment", finds = found("missing", "table public.payment") },
  {
    what = "table renamed",
    by = own "alter table public.job_schedule rename to schedule",
    finds = found("renamed", "table public.job_schedule"),
  },
  {
    what = "table extra",
    by = own "create table public.extra (a int primary key)",
    finds = found("left over", "table public.extra"),
  },
  {
    what = "table owned by another",
    by = own(
      STRANGER
        .. "grant create on schema core_config to stranger; "
        .. "alter table core_config.feature_flags owner to stranger; revoke create on schema core_config from stranger"
    ),
    finds = found("different", "table core_config.feature_flags"),
  },
  {
    what = "column dropped",
    by = own "alter table public.account drop column status",
    finds = found("missing", "column public.account.status"),
  },
  {
    what = "column's type edited",
    by = own "alter table public.invoice alter column id type varchar(300)",
    finds = found("different", "column public.invoice.id"),
  },
  {
    what = "column's default edited",
    by = own "alter table core_config.tenant alter column status set default 'RETIRED'",
    finds = found("different", "column core_config.tenant.status"),
  },
  {
    what = "column may be empty",
    by = own "alter table core_config.users alter column email drop not null",
    finds = found("different", "column core_config.users.email"),
  },
  {
    what = "column extra",
    by = own "alter table public.bill add column extra int",
    finds = found("left over", "column public.bill.extra"),
  },
  {
    what = "column renamed",
    by = own "alter table public.bill rename column period_start to period_begin",
    finds = found("renamed", "column public.bill.period_start"),
  },
  {
    what = "index dropped",
    by = own "drop index public.idx_subscription_customer",
    finds = found("missing", "index public.idx_subscription_customer"),
  },
  {
    what = "index extra",
    by = own "create index extra_index on public.bill (id)",
    finds = found("left over", "index public.extra_index"),
  },
  {
    what = "constraint dropped",
    by = own "alter table core_config.roles drop constraint roles_name_key",
    finds = found("missing", "constraint core_config.roles.roles_name_key"),
  },
  {
    what = "constraint extra",
    by = own "alter table public.bill add constraint extra check (id <> '')",
    finds = found("left over", "constraint public.bill.extra"),
  },
  {
    what = "function edited",
    by = own(
      "create or replace function core_config.touch_updated_at() returns trigger language plpgsql as "
        .. "'begin return null; end'"
    ),
    finds = found("different", "function core_config.touch_updated_at()"),
  },
  {
    what = "function extra",
    by = own "create function public.extra() returns int language sql as 'select 1'",
    finds = found("left over", "function public.extra()"),
  },
  {
    what = "trigger dropped",
    by = own "drop trigger tenant_touch on core_config.tenant",
    finds = found("missing", "trigger core_config.tenant.tenant_touch"),
  },
  {
    what = "trigger switched off",
    by = own "alter table core_config.feature_flags disable trigger feature_flags_touch",
    finds = found("different", "trigger core_config.feature_flags.feature_flags_touch"),
  },
  {
    what = "view extra",
    by = own "create view public.extra_view as select 1 as a",
    finds = found("left over", "view public.extra_view"),
  },
  {
    what = "schema extra",
    by = own "create schema extra",
    finds = found("left over", "schema extra"),
  },
  {
    what = "schema owned by another",
    by = own "alter schema core_config owner to stranger",
    finds = found("different", "schema core_config"),
  },
  {
    what = "privilege on a table revoked",
    by = own "revoke select on public.bill from appuser",
    finds = found("different", "privilege on TABLE public.bill to appuser"),
  },
  {
    what = "privilege on a table given",
    by = own "grant truncate on core_config.tenant_profile to appuser",
    finds = found("different", "privilege on TABLE core_config.tenant_profile to appuser"),
  },
  {
    what = "privilege on a table for everybody",
    by = own "grant select on core_config.users to public",
    finds = found("left over", "privilege on TABLE core_config.users to PUBLIC"),
  },
  {
    what = "privilege on a schema revoked",
    by = own "revoke usage on schema public from appuser",
    finds = found("missing", "privilege on SCHEMA public to appuser"),
  },
  {
    what = "privilege on the database for everybody",
    by = server 'grant create on database "coredb-newclient" to public',
    finds = found("different", "privilege on DATABASE to PUBLIC"),
  },
  {
    what = "privilege on the database for a stranger",
    by = server 'grant connect on database "coredb-newclient" to stranger',
    finds = found("left over", "privilege on DATABASE to stranger"),
  },
  {
    what = "setting of the database",
    by = server 'alter database "coredb-newclient" set work_mem to 64',
    finds = found("left over", "setting work_mem"),
  },
  {
    what = "migration's checksum edited",
    by = own "update flyway_schema_history set checksum = 1 where version = '2'",
    finds = found("different", "migration V2__business_tables.sql"),
  },
  {
    what = "migration extra",
    by = own(
      "insert into flyway_schema_history (installed_rank, version, description, type, script, checksum, "
        .. "installed_by, execution_time, success) values (99, '9', 'x', 'SQL', 'V9__x.sql', 1, 'admin', 1, true)"
    ),
    finds = found("left over", "migration V9__x.sql"),
  },
  {
    what = "services' role may not log in, has expired, has no connections, may make databases",
    by = server(
      "alter role appuser nologin; alter role appuser valid until '2020-01-01'; "
        .. "alter role appuser connection limit 0; alter role appuser createdb"
    ),
    finds = { { "different", "role appuser: its attributes", "pg.database" } },
  },
  {
    what = "services' role member of a role that reads all",
    by = server "grant o2x_reader to appuser",
    finds = { { "different", "role appuser: member of o2x_reader", "pg.database" } },
  },
}
