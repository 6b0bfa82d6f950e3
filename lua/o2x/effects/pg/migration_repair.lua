--- The effect type of a repaired history of migrations. The value is what is to be repaired, a line for each row; the
--- desired value has none. One transaction does it all.

local equal = require("o2x.base.value").equal
local guard = require "o2x.base.guard"
local history = require "o2x.client.flyway.history"
local pg = require "o2x.client.pg"
local pg_migration = require "o2x.effects.pg.migration"
local psql = require "o2x.effects.pg.psql"
local repair = require "o2x.client.flyway.repair"
local state = require "o2x.client.flyway.state"
local support = require "o2x.effects.pg.support"

local function aligned(row, migration)
  local changes = {}
  if row.checksum ~= migration.checksum then
    changes[#changes + 1] = ("checksum %s → %d"):format(row.checksum or "none", migration.checksum)
  end
  local description = state.abbreviated(migration.description)
  if row.description ~= description then
    changes[#changes + 1] = ("description '%s' → '%s'"):format(row.description, description)
  end
  if row.type ~= migration.type then changes[#changes + 1] = ("type %s → %s"):format(row.type, migration.type) end
  return table.concat(changes, ", ")
end

local function text(one)
  if one.what == "remove" then return "failed: its row is removed; what it left in the database stays" end
  if one.what == "delete" then return "not in the folder: noted as deleted" end
  return aligned(one.row, one.migration)
end

local MARKS = { remove = "- ", delete = "+ ", align = "~ " }

local function value(repairs)
  local map = {}
  for _, one in ipairs(repairs) do
    map[("%d %s"):format(one.row.installed_rank, one.row.script)] = MARKS[one.what] .. text(one)
  end
  return map
end

-- The target → what is to be repaired, as it was read last.
local needed = setmetatable({}, { __mode = "k" })

local function read(ctx, target)
  return support.read(ctx, target.database, function(db)
    needed[target] = repair.needed(db, target.resolved, target.schemas)
    return value(needed[target])
  end) or {}
end

-- One repair as SQL.
local function statement_of(target, one)
  local row, from = one.row, pg.quote_table(target.schemas[1] .. "." .. history.TABLE)
  if one.what == "remove" then
    return ("DELETE FROM %s WHERE installed_rank = %d;"):format(from, row.installed_rank)
  elseif one.what == "delete" then
    local values = { version = row.version, description = row.description, type = "DELETE" }
    values.script, values.checksum, values.success = row.script, row.checksum, row.success
    return psql.inlined(history.insertion(target.schemas, values)) .. ";"
  end
  local is = one.migration
  return ("UPDATE %s SET description = %s, type = %s, checksum = %s WHERE installed_rank = %d;"):format(
    from,
    psql.literal(state.abbreviated(is.description)),
    psql.literal(is.type),
    psql.literal(is.checksum),
    row.installed_rank
  )
end

local function by_hand(_, target)
  if not needed[target] then
    return { { comment = "flyway repair: what is to be repaired is known when the database answers" } }
  end
  local list = { "BEGIN;" }
  for _, one in ipairs(needed[target]) do
    list[#list + 1] = statement_of(target, one)
  end
  list[#list + 1] = "COMMIT;"
  return { psql.command(target.database, table.concat(list, "\n")) }
end

local function write(ctx, target, _, before)
  local function connect() return pg_migration.connect(ctx, target) end
  pg_migration.located(target.folder, repair.repair, connect, target.resolved, {
    schemas = target.schemas,
    waiting = ctx.progress,
    check = function(repairs)
      if equal(value(repairs), before) then return end
      guard.refuse("pg", ("the history of the migrations of %s"):format(target.database))
    end,
  })
end

local function rank(line) return tonumber(line:match "%d+") end

local function show(target, before)
  local lines = {}
  for row, what in pairs(before or {}) do
    lines[#lines + 1] = what:sub(1, 2) .. row .. ": " .. what:sub(3)
  end
  table.sort(lines, function(a, b)
    if rank(a) ~= rank(b) then return rank(a) < rank(b) end
    return a < b
  end)
  return { title = ("history of the migrations of %s"):format(target.database), lines = lines }
end

return {
  kind = "pg.migration_history",
  rehearsal = { none = "what is to be repaired in the history of migrations" },
  class = "idempotent",
  guard = "Flyway's lock: under it, what is to be repaired must be what was read",
  undo = {
    before = "the rows that a repair changes, and how",
    how = "not possible",
    never = true,
    cannot = "the rows of failed migrations, and checksums that were replaced",
  },
  record = function(target) return { database = target.database, folder = target.folder, schemas = target.schemas } end,
  key = function(target) return target.database .. " " .. target.folder end,
  read = read,
  write = write,
  by_hand = by_hand,
  show = show,
}
