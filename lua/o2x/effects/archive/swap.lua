--- The effect type that replaces the tenant's database with the restored copy. Both renames are one transaction, so a
--- database of that name always exists. The old one is kept.

local by_hand = require "o2x.effects.archive.by_hand"
local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local pg = require "o2x.client.pg"
local properties = require "o2x.client.pg.properties"
local support = require "o2x.effects.pg.support"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

local TRIES <const>, PAUSE <const> = 10, 0.5
local IN_USE <const> = "55006"

local SESSIONS <const> = [[SELECT usename AS role, application_name AS application, client_addr::text AS address
FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() ORDER BY 1, 2]]

local TERMINATE <const> = [[SELECT count(*) AS ended FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = ANY ($1) AND pid <> pg_backend_pid()) s]]

-- -> the value, and the properties of the database
local function look(db, target)
  local found = properties.read(db, target.database)
  if not found then return nil end
  local note = properties.note(found.comment)
  local kept = db:one("SELECT 1 AS found FROM pg_database WHERE datname = $1", target.kept)
  return { run = note and note.o2x == "restored" and note.run or nil, kept = kept and target.kept or nil }, found
end

local function read(ctx, target)
  return support.with(ctx, ctx.scope.pg.admin, function(db) return (look(db, target)) end)
end

local function equal(current, desired) return current ~= nil and desired ~= nil and current.run == desired.run end

local function need_restored(db, ctx, target)
  local found = properties.read(db, target.copy)
  local note = found and properties.note(found.comment)
  if note and note.run == ctx.run_id and not note.table then return note end
  errors.raise {
    kind = "failed",
    module = "archive",
    op = "pg.swapped",
    message = ("%s does not exist or is not complete: nothing was replaced"):format(target.copy),
  }
end

-- The copy gets the old database's name, its connection limit and the note. The old one's note has the time of the
-- swap.
local function statements(ctx, target, current, note)
  local database, copy, kept = pg.quote(target.database), pg.quote(target.copy), pg.quote(target.kept)
  local list = {}
  local function add(...) list[#list + 1] = { string.format(...) } end
  if current then
    add("ALTER DATABASE %s RENAME TO %s", database, kept)
    list[#list + 1] = {
      properties.note_statement(target.kept, {
        o2x = "before",
        of = target.database,
        run = ctx.run_id,
        at = clock.iso(),
        comment = not properties.note(current.comment) and current.comment or nil,
      }),
    }
  end
  add("ALTER DATABASE %s RENAME TO %s", copy, database)
  add("ALTER DATABASE %s CONNECTION LIMIT %d", database, (current or target.defaults).connection_limit)
  note.swapped = clock.iso()
  list[#list + 1] = { properties.note_statement(target.database, note) }
  return list
end

local function still_used(db, target)
  local sessions = {}
  for i, row in ipairs(db:rows(SESSIONS, target.database)) do
    sessions[i] = ("%s from %s (%s)"):format(row.role or "?", row.address or "?", row.application or "?")
  end
  errors.raise {
    kind = "conflict",
    module = "archive",
    op = "pg.swapped",
    details = sessions,
    message = ("%s is still in use: %s"):format(target.database, sessions[1] or "by short-lived sessions"),
    hint = "stop what connects to it, then o2x resume; nothing was replaced",
  }
end

-- The other way: the old database gets its name and its comment back, the copy its own.
local function statements_back(ctx, target, current, kept, desired)
  local database, copy, list = pg.quote(target.database), pg.quote(target.copy), {}
  local function add(...) list[#list + 1] = { string.format(...) } end
  if current then
    local note = properties.note(current.comment) or {}
    note.swapped = nil
    add("ALTER DATABASE %s RENAME TO %s", database, copy)
    list[#list + 1] = { properties.note_statement(target.copy, note) }
  end
  if not kept then return list end
  add("ALTER DATABASE %s RENAME TO %s", pg.quote(target.kept), database)
  local comment = (properties.note(kept.comment) or {}).comment
  if desired and desired.run then
    local note = { o2x = "restored", of = target.database, run = desired.run, at = clock.iso() }
    list[#list + 1] = { properties.note_statement(target.database, note) }
  else
    add("COMMENT ON DATABASE %s IS %s", database, comment and properties.literal(comment) or "NULL")
  end
  return list
end

-- A client may connect after the sessions were ended: PostgreSQL then refuses the rename, and it is tried again.
local function swap(db, target, list)
  for try = 1, TRIES do
    local ended, problem = pcall(db.query, db, TERMINATE, pg.array { target.database, target.copy, target.kept })
    local ok, err = pcall(db.transaction, db, function(tx) tx:exec(list) end, { attempts = 1 })
    if ok then return end
    if not errors.is(err) or err.code ~= IN_USE then error(err, 0) end
    if try == TRIES and not ended then error(problem, 0) end
    task.sleep(PAUSE)
  end
  still_used(db, target)
end

local function write(ctx, target, desired, before)
  ctx:client "pg":close() -- our own sessions would block the rename
  local db <close> = support.connect(ctx, ctx.scope.pg.admin, { lock_timeout = 30 })
  local now, current = look(db, target)
  if not value.equal(now, before) then guard.refuse("archive", "database " .. target.database) end
  if target.back then
    local kept = desired and properties.read(db, target.kept)
    return swap(db, target, statements_back(ctx, target, current, kept, desired))
  end
  local note = need_restored(db, ctx, target)
  swap(db, target, statements(ctx, target, current, note))
end

--- The effect type that replaces the tenant's database with the restored copy.
M.swapped = {
  kind = "pg.swapped",
  rehearsal = { none = "its content is data" },
  class = "idempotent",
  guard = "looked at right before; both renames are one transaction, and nothing is dropped",
  undo = {
    before = "the run whose copy was in place; the old database is kept under another name",
    how = "renames both databases back",
    cannot = "an old database that somebody removed",
    restore = function(ctx, past)
      local of = past.target
      local target = { database = of.database, copy = of.copy, kept = of.kept, defaults = of.defaults }
      target.back = not of.back or nil -- an undo of the undo swaps again
      local needed = target.back and of.kept or of.copy
      if target.back and past.before == nil then needed = of.database end
      local there = support.with(ctx, ctx.scope.pg.admin, function(db) return properties.read(db, needed) end)
      if not there then return nil, needed .. ", which would get its name, is gone" end
      return { target = target, desired = past.before and { run = past.before.run } }
    end,
  },
  key = function(target) return target.database end,
  read = read,
  equal = equal,
  write = write,
  by_hand = function(ctx, target, _, before)
    local admin, is_there = ctx.scope.pg.admin, before ~= nil
    if target.back then return by_hand.swap_back(admin, target, is_there) end
    return by_hand.swap(admin, target, is_there and ctx.run_id or nil)
  end,
  show = function(target, before)
    if target.back then
      return { title = "database " .. target.database, lines = { ("~ %s gets its name back"):format(target.kept) } }
    end
    local lines = { ("~ replaced by %s"):format(target.copy) }
    if before then
      table.insert(lines, 1, ("~ the current database is kept as %s; its sessions are ended"):format(target.kept))
    end
    return { title = "database " .. target.database, lines = lines }
  end,
}

return M
