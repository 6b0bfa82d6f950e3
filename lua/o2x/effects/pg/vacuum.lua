--- The effect type of a table that was vacuumed and analyzed since a given time. VACUUM may be repeated at any time.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local LAST = [[SELECT coalesce(extract(epoch FROM greatest(s.last_vacuum, s.last_autovacuum)), 0)::bigint AS last
FROM pg_stat_user_tables s WHERE s.relid = to_regclass($1)]]

local function quoted(name)
  local schema, relation = name:match("^([^.]+)%.([^.]+)$")
  if not relation then
    errors.raise {
      kind = "input",
      module = "pg",
      message = ("table '%s': expected schema.table"):format(tostring(name)),
    }
  end
  return pg.quote(schema, "schema name") .. "." .. pg.quote(relation, "table name")
end

local function read(ctx, target)
  local rows = support.read(ctx, target.database, function(db) return db:rows(LAST, quoted(target.table)) end)
  if rows[1] then return { last = math.tointeger(rows[1].last) or 0 } end
  errors.raise {
    kind = "failed",
    module = "pg",
    message = ("table %s does not exist in %s"):format(target.table, target.database),
  }
end

local function when(seconds) return seconds and seconds > 0 and os.date("!%Y-%m-%d %H:%M UTC", seconds) or "never" end

return {
  kind = "pg.vacuum",
  rehearsal = { nothing = true },
  class = "idempotent",
  guard = "none: no data change, and a vacuum may run at any time; the time of the last one is read back",
  interim = function() return true end, -- autovacuum may be faster
  undo = { before = "the time of the last vacuum", how = "not needed: no data changes", needless = true },
  key = function(target) return target.database .. " " .. target.table end,
  read = read,
  equal = function(current, desired) return current.last >= desired.last end,
  write = function(ctx, target)
    support.with(
      ctx,
      target.database,
      function(db) db:exec { { ("VACUUM (ANALYZE) %s"):format(quoted(target.table)) } } end
    )
  end,
  by_hand = function(_, target)
    return { psql.command(target.database, ("VACUUM (ANALYZE) %s;"):format(quoted(target.table))) }
  end,
  predict = function() return { last = value.unknown } end,
  show = function(target, before)
    return {
      title = target.database .. " " .. target.table,
      lines = { ("~ last vacuum: %s → now"):format(when(before.last)) },
    }
  end,
}
