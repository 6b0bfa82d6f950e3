--- Has the registry lost a tenant that its own database still knows? Then a run would take it for a new one and give it
--- another id. The rows go back as they are in the tenant's database, which has the same tables.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"

local M = {}

local ABSENT <const> = { ["3D000"] = true, ["42P01"] = true, ["3F000"] = true, ["42703"] = true }

-- The id of the row with a name, if the database, the table and the row are there.
local function id_of(ctx, database, name, column)
  local sql = ("SELECT %s AS id FROM %s WHERE name = $1"):format(pg.quote(column, "column name"), pg.quote_table(name))
  local ok, row = pcall(support.with, ctx, database, function(db) return db:one(sql, ctx.tenant.name) end)
  if ok then return row and row.id end
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

--- What the registry has lost.
---@param ctx o2x.context
---@return o2x.reviewed[]
function M.review(ctx)
  local granted = ctx.scope.pg
  local name, allocated = next(granted.allocated or {})
  if not name or granted.tenant == granted.control then return {} end
  if id_of(ctx, granted.control, name, allocated.column) then return {} end
  if not id_of(ctx, granted.tenant, name, allocated.column) then return {} end
  local title = ("%s %s where name = '%s'"):format(granted.control, name, ctx.tenant.name)
  local line = ("+ as %s has it, with the same %s"):format(granted.tenant, allocated.column)
  return {
    {
      way = "missing",
      key = title,
      title = title,
      lines = { line },
      mend = commands(ctx, name, allocated.column),
      first = true,
    },
  }
end

return M
