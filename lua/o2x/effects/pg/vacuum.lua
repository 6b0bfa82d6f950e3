--- The effect type of a table that was vacuumed and analyzed since a given time. VACUUM may be repeated at any time.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local support = require "o2x.effects.pg.support"
local task = require "o2x.base.task"
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

local function last(db, target)
  local row = db:rows(LAST, quoted(target.table))[1]
  return row and (math.tointeger(row.last) or 0)
end

local function read(ctx, target)
  local found = support.read(ctx, target.database, function(db) return last(db, target) end)
  if found then return { last = found } end
  errors.raise {
    kind = "failed",
    module = "pg",
    message = ("table %s does not exist in %s"):format(target.table, target.database),
  }
end

local SEEN_WITHIN <const>, PAUSE <const> = 5, 0.1 -- seconds; before version 15, the statistics come a moment later

-- PostgreSQL skips a table that the role may not vacuum, with no more than a warning. Its clock may be behind: that the
-- time has moved on is the proof. A vacuum in the second of the one before shows nothing.
local function vacuum(db, target, desired, before)
  local started = os.time()
  db:exec { { ("VACUUM (ANALYZE) %s"):format(quoted(target.table)) } }
  local deadline = task.now() + SEEN_WITHIN
  repeat
    local found = last(db, target) or 0
    if found >= desired.last or found > before.last or before.last >= started then
      return { last = math.max(found, desired.last) }
    end
    task.sleep(PAUSE)
  until task.now() > deadline
  errors.raise {
    kind = "failed",
    module = "pg",
    op = "vacuum",
    message = ("PostgreSQL did not vacuum %s of %s"):format(target.table, target.database),
    hint = "only the owner of a table or of its database, and superusers, may vacuum it; track_counts must be on",
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
  write = function(ctx, target, desired, before)
    return nil, support.with(ctx, target.database, function(db) return vacuum(db, target, desired, before) end)
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
