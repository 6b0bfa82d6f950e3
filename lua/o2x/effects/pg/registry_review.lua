--- Has the registry lost a tenant that its own database still knows? Then a run would take it for a new one and give it
--- another id. A row that has another name gets its name back; rows that are gone go back as they are in the tenant's
--- database, which has the same tables.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"

local M = {}

local ABSENT <const> = { ["3D000"] = true, ["42P01"] = true, ["3F000"] = true, ["42703"] = true }

-- The columns by which a row is known.
local function columns_of(ctx, name, id_column)
  local identity, quoted = (ctx.scope.pg.identity or {})[name] or {}, {}
  for i, column in ipairs(sorted_keys(identity, { name = true, [id_column] = true })) do
    quoted[i] = pg.quote(column, "column name")
  end
  return table.concat(quoted, ", ")
end

-- The first row that has a value in a column, if the database, the table and the row are there.
local function row_of(ctx, database, name, id_column, column, wanted)
  local sql = ("SELECT %s FROM %s WHERE %s = $1 LIMIT 1"):format(
    columns_of(ctx, name, id_column),
    pg.quote_table(name),
    pg.quote(column, "column name")
  )
  local ok, row = pcall(support.with, ctx, database, function(db) return db:one(sql, wanted) end)
  if ok then return row end
  if errors.is(row) and ABSENT[row.code] then return nil end
  error(row, 0)
end

-- Copies rows of a table from the tenant's database to the control database. No command has the id: a text of a secret
-- may be the same, and would be masked.
local function copy(ctx, name, condition)
  local full = pg.quote_table(name)
  local rows = ("COPY (SELECT * FROM %s WHERE %s) TO STDOUT"):format(full, condition)
  local out = shell.command { "psql", "-X", "-d", ctx.scope.pg.tenant, "-c", rows }
  local back = shell.command { "psql", "-X", "-d", ctx.scope.pg.control, "-c", ("COPY %s FROM STDIN"):format(full) }
  return out .. " | " .. back
end

-- The table of the ids first: the others refer to it.
local function commands(ctx, name, id_column)
  local is_own = ("name = '%s'"):format(ctx.tenant.name)
  local ids = ("SELECT %s FROM %s WHERE %s"):format(pg.quote(id_column, "column name"), pg.quote_table(name), is_own)
  local lines = { copy(ctx, name, is_own) }
  for _, other in ipairs(sorted_keys(ctx.scope.pg.identity or {})) do
    local identity = ctx.scope.pg.identity[other]
    local column = next(identity)
    if other ~= name and next(identity, column) == nil then
      lines[#lines + 1] = copy(ctx, other, ("%s IN (%s)"):format(pg.quote(column, "column name"), ids))
    end
  end
  return table.concat(lines, " && ")
end

-- Is it the tenant's row in all but its name? The name follows from that no more than the id does.
local function is_own(ctx, name, id_column, row)
  for column, wanted in pairs((ctx.scope.pg.identity or {})[name] or {}) do
    if column ~= "name" and column ~= id_column and row[column] ~= wanted then return false end
  end
  return true
end

-- The registry has the tenant's id under another name.
local function renamed(ctx, name, id_column, row)
  local control, now = ctx.scope.pg.control, ctx.tenant.name
  local title = ("%s %s where name = '%s'"):format(control, name, row.name)
  local found = { key = title, title = title, lines = { ("~ name: %s → %s"):format(row.name, now) }, first = true }
  found.claims = { kind = "pg.row", name = row.name }
  if not is_own(ctx, name, id_column, row) then
    found.way = "in the way"
    found.hint = ("it has the id of %s: find out whose it is, and correct %s or %s"):format(
      now,
      control,
      ctx.scope.pg.tenant
    )
    return found
  end
  local sql = ("UPDATE %s SET name = %s WHERE name = %s"):format(
    pg.quote_table(name),
    psql.literal(now),
    psql.literal(row.name)
  )
  found.way, found.mend = "renamed", shell.command { "psql", "-X", "-d", control, "-c", sql }
  return found
end

local function lost(ctx, name, id_column)
  local granted = ctx.scope.pg
  local title = ("%s %s where name = '%s'"):format(granted.control, name, ctx.tenant.name)
  local line = ("+ as %s has it, with the same %s"):format(granted.tenant, id_column)
  return {
    way = "missing",
    key = title,
    title = title,
    lines = { line },
    mend = commands(ctx, name, id_column),
    first = true,
  }
end

--- What the registry has lost.
---@param ctx o2x.context
---@return o2x.reviewed[]
function M.review(ctx)
  local granted = ctx.scope.pg
  local name, allocated = next(granted.allocated or {})
  if not name or granted.tenant == granted.control then return {} end
  if row_of(ctx, granted.control, name, allocated.column, "name", ctx.tenant.name) then return {} end
  local own = row_of(ctx, granted.tenant, name, allocated.column, "name", ctx.tenant.name)
  local id = own and own[allocated.column]
  if not id then return {} end
  local other = row_of(ctx, granted.control, name, allocated.column, allocated.column, id)
  return { other and renamed(ctx, name, allocated.column, other) or lost(ctx, name, allocated.column) }
end

return M
