--- The effect type of the restored copy: a database next to the tenant's, restored from an archive, compared with the
--- archive's note, and only then marked as complete. The tenant's database is not touched.

local archive = require "o2x.client.pg.archive"
local archive_file = require "o2x.effects.archive.file"
local by_hand = require "o2x.effects.archive.by_hand"
local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local fingerprint = require "o2x.client.pg.fingerprint"
local owner = require "o2x.effects.archive.owner"
local pg = require "o2x.client.pg"
local properties = require "o2x.client.pg.properties"
local restore = require "o2x.client.pg.restore"
local support = require "o2x.effects.pg.support"
local units = require "o2x.base.units"

local M = {}

local NO_LIMIT <const> = { statement_timeout = 0, idle_timeout = 0 }

--- The note that o2x left on a database; nil if it has none or does not exist.
---@param ctx table
---@param name string
---@return table?
function M.note_of(ctx, name)
  local found = support.with(ctx, ctx.scope.pg.admin, function(db) return properties.read(db, name) end)
  return found and properties.note(found.comment)
end

local function read(ctx, target)
  local note = M.note_of(ctx, target.name)
  if not note or note.o2x ~= "restored" or note.run ~= ctx.run_id then return nil end
  return { sha256 = note.sha256, table = note.table }
end

local function admin_of(ctx) return support.connect(ctx, ctx.scope.pg.admin, NO_LIMIT) end

-- Drops what an earlier attempt may have left: the copy, then the role that owns it.
local function drop(ctx, target)
  ctx:client "pg":close()
  local db <close> = admin_of(ctx)
  db:query(("DROP DATABASE IF EXISTS %s WITH (FORCE)"):format(pg.quote(target.name, "database name")))
  restore.drop_role(db, restore.role_of(target.name))
end

-- ---- the role that restores ----

local DENIED <const> = "42501"

-- Databases of others, which this role could harm.
local OTHERS <const> = [[SELECT count(*) AS n FROM pg_roles r
LEFT JOIN pg_database d ON pg_has_role(r.oid, d.datdba, 'USAGE') AND NOT d.datistemplate AND d.datname <> $1
AND left(d.datname, length($1) + 2) <> $1 || '--'
WHERE r.rolname = current_user AND (d.datname IS NOT NULL OR r.rolsuper)]]

-- A role that may not make roles restores by itself, if it owns nothing but the tenant's databases (o2x policy).
local function may_restore(db, target) return db:one(OTHERS, target.database).n == 0 end

-- -> the role and its password; nil: the run's own role
local function make_role(db, target)
  local role = restore.role_of(target.name)
  local ok, made = pcall(restore.create_role, db, role)
  if ok then return role, made end
  if not errors.is(made) or made.code ~= DENIED then error(made, 0) end
  if may_restore(db, target) then return nil end
  local user = db.options.user or "?"
  errors.amend(made, {
    message = ("an archive is restored by a temporary role, which %s may not create"):format(user),
    hint = ([[as a superuser, before o2x resume: psql -d postgres -c 'ALTER ROLE "%s" CREATEROLE']]):format(user),
  })
  error(made, 0)
end

-- ---- filling ----

-- Creates an empty database that belongs to the temporary role.
local function create(db, target, like, role)
  properties.create(db, target.name, {
    owner = role or like.owner,
    encoding = like.encoding,
    collate = like.collate,
    ctype = like.ctype,
  })
end

-- The rights and settings of the tenant's database, or the platform's defaults if that one is lost.
local function give_rights(ctx, db, target, like)
  if like then
    for _, statement in ipairs(properties.copy_rights(db, target.database, target.name)) do
      ctx:log("warn", "a superuser must run again: " .. statement)
    end
    return
  end
  local user = pg.quote(target.defaults.user, "role name")
  db:query(("GRANT CONNECT ON DATABASE %s TO %s"):format(pg.quote(target.name, "database name"), user))
end

local function refuse(target, lines)
  errors.raise {
    kind = "failed",
    module = "archive",
    op = "verify",
    details = lines,
    where = target.path,
    message = ("the restored data differ from the archive: %s"):format(lines[1]),
    hint = "the tenant's database was not touched; use another archive",
  }
end

local function expected(target, desired)
  local all = archive_file.expected(target.path)
  if not desired.table then return all end
  return { [desired.table] = all[desired.table] }
end

-- As the role that owns only the copy: reading it may run functions of the archive.
local function verify(db, ctx, target, desired)
  local wanted = expected(target, desired)
  local found = db:transaction(function(tx)
    owner.check_copy(tx, target.path, owner.of(ctx), desired.table)
    if not desired.table then return fingerprint.take(tx) end
    return { [desired.table] = fingerprint.of_table(tx, desired.table) }
  end, { read_only = true })
  local lines = fingerprint.differences(wanted, found)
  if lines[1] then refuse(target, lines) end
  db:script("ANALYZE") -- a restored table has no planner statistics
end

-- Restores everything; or the schema and the data of one table, without the constraints that would need other data.
local function fill(ctx, target, desired, admin, login)
  local db <close> = support.connect(ctx, target.name, login)
  ctx:waiting(("restoring %s to %s"):format(units.bytes(target.bytes or 0), target.name))
  local rules, whose = archive_file.rules(ctx, target.path), owner.of(ctx)
  local later, rows = restore.run(db, admin, rules, { only = desired.table, proof = whose.table })
  owner.check_rows(target.path, whose, rows)
  db:reset() -- pg_restore's settings
  ctx:waiting("comparing " .. target.name .. " with the archive")
  verify(db, ctx, target, desired)
  return later, rules
end

local function hand_over(ctx, target, admin, role, later, rules, like)
  if not role then return end
  local to = (like or target.defaults).owner
  for name, count in pairs(restore.hand_over(admin, role, to, later, rules)) do
    ctx:log("warn", ("%d objects of role %s in the archive belong to %s now"):format(count, name, to))
  end
end

local function restore_into_copy(ctx, target, desired)
  local server <close> = admin_of(ctx)
  local like = properties.read(server, target.database)
  local role, password = make_role(server, target)
  create(server, target, like or target.defaults, role)
  do
    local admin <close> = support.connect(ctx, target.name, NO_LIMIT)
    local login = { statement_timeout = 0, idle_timeout = 0, user = role, password = password }
    local later, rules = fill(ctx, target, desired, admin, login)
    hand_over(ctx, target, admin, role, later, rules, like)
  end
  give_rights(ctx, server, target, like)
  if role then restore.drop_role(server, role) end
end

local function check_unchanged(target, desired)
  if archive.sha256(target.path) == desired.sha256 then return end
  errors.raise {
    kind = "conflict",
    module = "archive",
    where = target.path,
    message = "the archive has changed since it was checked",
    hint = "start a new run and do not change the archive meanwhile",
  }
end

local function write(ctx, target, desired)
  drop(ctx, target)
  if desired == nil then return end
  check_unchanged(target, desired)
  archive_file.inspect(ctx, target.path, desired.sha256)
  local ok, problem = pcall(restore_into_copy, ctx, target, desired)
  if not ok then
    pcall(drop, ctx, target)
    error(problem, 0)
  end
  local note = {
    o2x = "restored",
    of = target.database,
    run = ctx.run_id,
    at = clock.iso(),
    sha256 = desired.sha256,
    table = desired.table,
    from = target.path,
    created = target.created,
  }
  support.with(ctx, ctx.scope.pg.admin, function(db) db:query(properties.note_statement(target.name, note)) end)
end

--- The effect type of the restored copy.
M.restored = {
  kind = "pg.restored",
  rehearsal = { none = "its content is data" },
  class = "idempotent",
  guard = "none: its name has the run's id, so it is nobody else's; the note on it is read back",
  undo = {
    before = "whether the copy existed",
    how = "drops the copy",
    cannot = "a copy that was dropped",
    gone = "the copy; its archive has the same",
    restore = function(_, past)
      if past.before ~= nil then return nil, "the copy was dropped: restore it from its archive again" end
      -- The run has put it into the tenant's place; the undo of that comes first, and brings it back here.
      return { target = past.target, moved = past.now == nil }
    end,
  },
  key = function(target) return target.name end,
  read = read,
  write = write,
  by_hand = function(ctx, target, desired)
    if desired == nil then return by_hand.drop(ctx.scope.pg.admin, target.name) end
    return by_hand.restore(ctx.scope.pg.admin, target, desired.table)
  end,
  show = function(target, before, after)
    local lines = {}
    if before and not after then lines[1] = "- the restored copy" end
    if after then
      lines[1] = ("+ %s of %s, from %s"):format(after.table or "all", target.path, target.created or "an unknown time")
      lines[2] = ("+ %s rows, compared with the archive"):format(target.rows or "all")
    end
    return { title = "database " .. target.name, lines = lines }
  end,
}

return M
