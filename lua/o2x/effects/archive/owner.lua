--- Whose data an archive holds. The platform's grants say which row names the tenant; the script is not asked. The
--- archive must hold exactly that row, and so must what was restored from it.

local errors = require "o2x.base.error"
local pg_sql = require "o2x.client.pg.sql"

local M = {}

local function refuse(path, message, hint)
  errors.raise { kind = "refused", module = "archive", code = "EREFUSED", where = path, message = message, hint = hint }
end

--- The row that names the tenant, from the grants.
---@param ctx table
---@return {table: string, key: table<string, string>, columns: string[]?} owner columns: those that hold a tenant's id
---  in any table
function M.of(ctx)
  local owner = ctx.scope.archive and ctx.scope.archive.owner
  if owner and next(owner.key) then return owner end
  refuse(nil, "no archive is granted to this run", "stdlib/platform.lua grants it once the tenant has its id")
end

local function describe(row)
  return ("%s (%s)"):format(tostring(row.name or "?"), tostring(row.id or "?")):gsub("%c", "?")
end

--- Checks the rows of the owner's table.
---@param path string of the archive
---@param owner table of M.of
---@param rows table[] at least the first two; count: how many there are, if not all are given
function M.check_rows(path, owner, rows)
  local row = rows[1]
  if not row then
    refuse(
      path,
      ("holds no row of %s, which would name the tenant"):format(owner.table),
      "a restore needs a complete archive of one tenant's database"
    )
  end
  local count = rows.count or #rows
  local holds = count > 1 and count .. " tenants" or describe(row)
  for column, value in pairs(owner.key) do
    if count > 1 or row[column] ~= value then
      refuse(
        path,
        ("holds the data of %s, not of %s"):format(holds, describe(owner.key)),
        "a run restores the data of its own tenant only"
      )
    end
  end
end

--- Checks the note beside an archive: it may say less than the archive, but nothing else.
---@param path string
---@param note table
---@param database string the tenant's
function M.check_note(path, note, database)
  if note.database == nil or note.database == database then return end
  refuse(
    path .. ".json",
    ("the note says that the archive is of %s, not of %s"):format(tostring(note.database):gsub("%c", "?"), database),
    "a run restores the data of its own tenant only"
  )
end

local KIND <const> = [[SELECT c.relkind::text AS kind FROM pg_class c WHERE c.oid = to_regclass($1)]]

local TENANT_COLUMNS <const> = [[SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(a.attname) AS col
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND a.attname = ANY ($1) AND NOT a.attisdropped AND n.nspname !~ '^pg_'
AND n.nspname <> 'information_schema' ORDER BY 1, 2]]

local function check_table(tx, path, owner)
  local name = pg_sql.quote_table(owner.table)
  local found = tx:query(KIND, name)[1]
  if not found or found.kind ~= "r" then
    refuse(path, ("restores %s as something else than a table"):format(owner.table), "use another archive")
  end
  local columns = {}
  for column in pairs(owner.key) do
    columns[#columns + 1] = ("%s::text AS %s"):format(pg_sql.quote(column), pg_sql.quote(column))
  end
  M.check_rows(path, owner, tx:query(("SELECT %s FROM %s LIMIT 2"):format(table.concat(columns, ", "), name)))
end

--- Checks the restored copy, as the role that owns only it: the owner's row, and that no table has rows of others.
---@param tx o2x.pg.Connection in a transaction
---@param path string
---@param owner table
---@param only string? the one table that was restored
function M.check_copy(tx, path, owner, only)
  if not only then check_table(tx, path, owner) end
  for _, one in ipairs(tx:query(TENANT_COLUMNS, pg_sql.array(owner.columns or {}))) do
    local counted = not only or only == one.name
    local sql = ("SELECT count(*) AS n FROM ONLY %s WHERE %s::text <> $1"):format(one.name, one.col)
    local others = counted and tx:query(sql, owner.key.id)[1].n or 0
    if others > 0 then
      refuse(
        path,
        ("holds %d rows of other tenants in %s"):format(others, one.name),
        ("where %s is not %s; a run restores the data of its own tenant only"):format(one.col, owner.key.id)
      )
    end
  end
end

return M
