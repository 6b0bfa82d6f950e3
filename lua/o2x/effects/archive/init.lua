--- Archives of the tenant's database for runbooks: dumped by pg_dump, checked, restored into a copy next to the
--- tenant's database, which the copy can then replace.

local archive_copy = require "o2x.effects.archive.copy"
local archive_file = require "o2x.effects.archive.file"
local archive_swap = require "o2x.effects.archive.swap"
local archive_table = require "o2x.effects.archive.table"
local copies = require "o2x.client.pg.copies"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local mask = require "o2x.base.mask"
local pg_query = require "o2x.effects.pg.query"
local pg_sql = require "o2x.client.pg.sql"
local programs = require "o2x.client.pg.programs"
local properties = require "o2x.client.pg.properties"
local rds_client = require "o2x.client.aws.rds"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

-- A large archive takes long to read, so a run reads it once.
local contents = {
  kind = "pg.archive_contents",
  class = "read",
  key = function(target) return target.path end,
  parent = function(target) return target.made_by, { path = target.path } end,
  read = function(ctx, target) return archive_file.examine(ctx, target.path, target.table) end,
}

local restored_rows = {
  kind = "pg.copy_query",
  class = "read",
  key = function(target) return target.name .. " " .. mask.text(target.sql):sub(1, 80) end,
  parent = function(target) return "pg.restored", { name = target.name } end,
  read = function(ctx, target)
    pg_query.check(ctx, target.sql, target.parameters)
    return pg_query.rows(ctx, target.name, target.sql, target.parameters)
  end,
}

local KEPT <const> = [[SELECT datname AS name, pg_database_size(oid) AS size,
shobj_description(oid, 'pg_database') AS comment
FROM pg_database WHERE datname LIKE '%--%' ORDER BY 1]]

-- Databases that o2x left for this tenant: the name matches the run in the note.
local function kept(ctx)
  local database, found = ctx.scope.pg.tenant, {}
  local rows = support.with(ctx, ctx.scope.pg.admin, function(db) return db:rows(KEPT) end)
  for _, row in ipairs(rows) do
    local note = properties.note(row.comment)
    local run = note and note.of == database and note.run
    if run and (row.name == copies.before(database, run) or row.name == copies.restore(database, run)) then
      found[#found + 1] = { name = row.name, run = run, what = note.o2x, at = note.at, size = row.size }
    end
  end
  return found
end

local function absolute(path)
  if type(path) ~= "string" or path == "" or path:find("%c") then errors.input("expected the name of an archive") end
  path = path:sub(1, 1) == "/" and path or fs.join(fs.cwd(), path)
  local folder = fs.folder(path)
  if not fs.is_folder(folder) then errors.input("the folder does not exist", "create it first", folder) end
  if fs.is_folder(path) then errors.input("is a folder: name a file in it", nil, path) end
  return fs.join(fs.realpath(folder), fs.name(path))
end

-- The path of a file in the run's own folder.
local function own_path(ctx, name) return fs.join(ctx.config.state, ctx.run_id, name or "restore.dump") end

-- In a plan, an archive that the run itself dumps or fetches does not exist yet.
local function contents_target(ctx, path, wanted)
  if wanted ~= nil and type(wanted) ~= "string" then
    errors.input("examine takes a path and the name of a table", "whose archive it is follows from the tenant")
  end
  local target = { path = path, table = wanted, made_by = nil }
  if path == own_path(ctx) then target.made_by = "pg.archive" end
  if path == own_path(ctx, "s3.dump") then target.made_by = "s3.copy" end
  if not target.made_by then target.path = absolute(path) end
  return target
end

-- The tenant's database. One that holds the registry is all tenants' and is neither dumped nor replaced for one.
local function own_database(ctx)
  local granted = ctx.scope.pg
  if granted.tenant ~= granted.control then return granted.tenant end
  ctx:refuse(
    ("%s holds the registry of all tenants: it has no archive for one of them"):format(granted.control),
    ("o2x run backup %s takes a snapshot of the server"):format(ctx.tenant and ctx.tenant.name or "TENANT")
  )
end

-- The platform's server tells for one that is restored from its snapshot, too. A checklist is followed without it.
local function check_programs(ctx)
  local sql = "SELECT current_setting('server_version_num')::int / 10000 AS version"
  local function ask()
    return support.with(ctx, ctx.scope.pg.admin, function(db) return db:one(sql) end)
  end
  local ok, row = xpcall(ask, errors.handler)
  if ok then return programs.need(row.version) end
  if not ctx:followed_without(row) then error(row, 0) end
end

local function dump(ctx, path, server)
  if not server then check_programs(ctx) end
  local target = { path = path, database = own_database(ctx), server = server }
  return (ctx:effect("pg.archive", target, { database = target.database, run = ctx:id_of_the_run() }))
end

-- The properties of a new database, for when the tenant's own is lost.
local function defaults(ctx) return ctx.scope.archive and ctx.scope.archive.defaults end

local function target_of(ctx, summary)
  local database = own_database(ctx)
  return {
    name = copies.restore(database, ctx.run_id),
    database = database,
    path = summary.path,
    bytes = summary.bytes,
    created = summary.created,
    rows = summary.rows,
    defaults = defaults(ctx),
  }
end

local SUMMARY <const> = { path = "string", sha256 = "string", bytes = "number", created = "string", rows = "number" }

-- A plan has no sizes of an archive that it would only make.
local function check_summary(summary)
  if value.is_unknown(summary) then unknown.refuse_elements() end
  if type(summary) ~= "table" then errors.input("create_copy takes what examine returned") end
  for _, field in ipairs(sorted_keys(SUMMARY)) do
    local given, kind = summary[field], SUMMARY[field]
    if given ~= nil and not value.is_unknown(given) and type(given) ~= kind then
      errors.input(("create_copy: %s must be a %s"):format(field, kind))
    end
  end
  if summary.path == nil then errors.input("create_copy takes what examine returned: path is missing") end
  return summary.table ~= nil and pg_sql.table_name(summary.table) or nil
end

local function create_copy(ctx, summary)
  local wanted = check_summary(summary)
  return (ctx:effect("pg.restored", target_of(ctx, summary), { sha256 = summary.sha256, table = wanted }))
end

local function swap(ctx)
  local database = own_database(ctx)
  local target = {
    database = database,
    copy = copies.restore(database, ctx.run_id),
    kept = copies.before(database, ctx.run_id),
    defaults = defaults(ctx),
  }
  local after = ctx:effect("pg.swapped", target, { run = ctx:id_of_the_run(), kept = target.kept })
  return after.kept
end

-- The copy shows what the table should hold; a plan has none. A resumed run may have dropped it, so it is recorded.
local function restore_table(ctx, given)
  local name = pg_sql.table_name(given)
  local database = own_database(ctx)
  local target = { database = database, copy = copies.restore(database, ctx.run_id), table = name }
  target.kept = archive_table.kept_name(ctx, name)
  local wanted = { rows = value.unknown, checksum = value.unknown }
  if ctx.mode ~= "plan" then
    wanted = ctx:recorded(
      "fingerprint of " .. name,
      function() return archive_table.fingerprint(ctx, target.copy, name) end
    )
  end
  local _, outcome = ctx:effect("pg.table", target, wanted)
  return outcome
end

return {
  name = "archive",
  declares = "archive:write",
  types = {
    archive_file.file,
    contents,
    archive_copy.restored,
    restored_rows,
    archive_swap.swapped,
    archive_table.restored_table,
  },
  api = function(ctx)
    return {
      --- Raises where no pg_dump that is installed can dump the platform's server.
      check_programs = function() check_programs(ctx) end,

      --- Dumps the tenant's database into a new file and reads it back.
      ---@param path string of the file, on this machine; the value of a parameter
      ---@return { database: string, at: string, bytes: integer, sha256: string, tables: integer, rows: integer }
      dump = function(path)
        if not ctx:is_given(path) then
          ctx:refuse(
            "archive.dump: the path must be the value of a parameter: whoever starts a run says where it writes",
            'declare it, such as params = { to = { "string" } }, and give archive.dump(params.to)'
          )
        end
        return dump(ctx, absolute(path))
      end,

      --- Dumps the tenant's database into a new file in the folder of this run.
      ---@return table made like that of dump, and path
      dump_own = function()
        local made = dump(ctx, own_path(ctx))
        return {
          path = own_path(ctx),
          sha256 = made.sha256,
          bytes = made.bytes,
          tables = made.tables,
          rows = made.rows,
          at = made.at,
        }
      end,

      --- Dumps the tenant's database on the temporary server of this run (rds.ensure_server) into the run's folder.
      ---@return string path
      dump_server = function()
        dump(ctx, own_path(ctx), rds_client.temporary(ctx.run_id))
        return own_path(ctx)
      end,

      --- Removes the archive from the folder of this run.
      drop_own = function() ctx:effect("pg.archive", { path = own_path(ctx), database = ctx.scope.pg.tenant }, nil) end,

      --- Reads a whole archive. One with statements about anything but the contents of a database is refused, and so is
      --- one that is not the tenant's.
      ---@param path string
      ---@param wanted string? a table that must be in it
      ---@return table summary its content; `table`: the table that was asked for
      examine = function(path, wanted) return ctx:read("pg.archive_contents", contents_target(ctx, path, wanted)) end,

      --- Restores an examined archive, or only its `table`, into a copy next to the tenant's database.
      ---@param summary table from examine
      ---@return table restored
      create_copy = function(summary) return create_copy(ctx, summary) end,

      --- Reads rows from the restored copy. A plan has no copy and gets an empty list.
      ---@param sql string one statement; parameters are $1, $2 …
      ---@param ... any parameters
      ---@return table[] rows
      rows = function(sql, ...)
        local name = copies.restore(ctx.scope.pg.tenant, ctx.run_id)
        local target = { name = name, sql = sql, parameters = table.pack(...) }
        pg_query.check(ctx, sql, target.parameters)
        return ctx:read("pg.copy_query", target) or {}
      end,

      --- Replaces the tenant's database with the restored copy, in one transaction.
      ---@return string name of the old database, which is kept
      swap = function() return swap(ctx) end,

      --- Restores one table from the restored copy.
      ---@param name string "schema.table"
      ---@return string outcome
      restore_table = function(name) return restore_table(ctx, name) end,

      --- Drops the restored copy.
      drop_copy = function() ctx:effect("pg.restored", target_of(ctx, {}), nil) end,

      --- The databases that restores of this tenant left behind.
      ---@return { name: string, what: string, at: string, run: string, size: integer }[]
      ---  what: "before" or "restored"; size: bytes
      kept = function() return kept(ctx) end,
    }
  end,
}
